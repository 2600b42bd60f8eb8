package chart

import (
	"fmt"
	"slices"

	"batchnorm/bnlib"
	"batchnorm/bnlib/plot"
	"batchnorm/bnlib/probe"
)

// What the figures of the inside of networks share: see Bands, Units, Sizes and SignalProfile.

const notProbed = "no snapshots: train with Options.Hooks"

// layers returns the paths of the hidden layers that the snapshots show, in the order in which networks compute them.
func layers(snapshots ...probe.Snapshot) []string {
	var names []string
	for _, s := range snapshots {
		for _, g := range s.Signals {
			if !slices.Contains(names, g.Layer) {
				names = append(names, g.Layer)
			}
		}
	}
	return names
}

func snapshots(runs []*bnlib.Run) []probe.Snapshot {
	var all []probe.Snapshot
	for _, run := range runs {
		all = append(all, run.Snapshots()...)
	}
	return all
}

// seen returns the snapshots of a run, evenly picked where there are more than a panel has pixels for, two each. The first and
// the last are among them.
func seen(run *bnlib.Run) []probe.Snapshot {
	const most = (plot.PageWidth/2 - plot.AxisWidth) / 2
	all := run.Snapshots()
	every := (len(all) + most - 2) / (most - 1)
	var out []probe.Snapshot
	for i, s := range all {
		if every < 2 || i%every == 0 || i == len(all)-1 {
			out = append(out, s)
		}
	}
	return out
}

// preActivation returns what the activation of a layer is given: its pre-activation, or, of a layer whose activation the probe
// does not recognize, its product.
func preActivation(s probe.Snapshot, layer string) (g probe.Signal, ok bool) {
	for _, each := range s.Signals {
		if each.Layer == layer && (!ok || each.Kind == probe.PreActivation) {
			g, ok = each, true
		}
	}
	return g, ok
}

// through returns the curve of value(signal of the layer) against the step of each snapshot that has that layer.
func through(run *bnlib.Run, layer string, value func(probe.Signal) float64) (x, y []float64) {
	for _, s := range seen(run) {
		if g, ok := preActivation(s, layer); ok {
			x, y = append(x, float64(s.Step)), append(y, value(g))
		}
	}
	return x, y
}

func percentile(i int) func(probe.Signal) float64 {
	return func(g probe.Signal) float64 { return g.Percentiles[i] }
}

// ofImages says on how many images snapshots were taken.
func ofImages(snapshots []probe.Snapshot) string {
	if len(snapshots) == 0 || snapshots[0].Images == 0 {
		return ""
	}
	for _, s := range snapshots {
		if s.Images != snapshots[0].Images {
			return ""
		}
	}
	return fmt.Sprintf(" · %d validation images", snapshots[0].Images)
}

// unprobed makes of f a figure that says that there is nothing to see.
func unprobed(f *plot.Figure, runs []*bnlib.Run) *plot.Figure {
	f.Columns, f.Width, f.Panels = 1, 0, []plot.Panel{{X: stepAxis(runs), Empty: notProbed}}
	return f
}
