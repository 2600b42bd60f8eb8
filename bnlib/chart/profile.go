package chart

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"batchnorm/bnlib"
	"batchnorm/bnlib/plot"
	"batchnorm/bnlib/probe"
)

// SignalProfile draws how a signal travels through the hidden layers of networks before training, from what
// bnlib.InitialSignal returns for them: a column for each experiment, with the standard deviation of the pre-activations by
// layer on a log axis that all share, and below it, for each network, the median and the bands of the percentiles, each on an
// axis of its own.
func SignalProfile(networks []bnlib.Network, snapshots []probe.Snapshot) *plot.Figure {
	groups := group(networks[:min(len(networks), len(snapshots))])
	f := &plot.Figure{
		Title: profileTitle(networks, snapshots), Subtitle: bandLegend + ofImages(snapshots), Columns: len(groups), Height: 120,
		Width: plot.PageWidth,
	}
	if len(groups) == 0 {
		return unprobed(f, nil)
	}
	rows := 0
	spread := make([]plot.Panel, len(groups))
	for i, g := range groups {
		rows = max(rows, len(g.members))
		spread[i] = plot.Panel{Title: g.title, X: layerAxis, Y: plot.Axis{Label: "std of pre-activations (log)", Log: true}, Empty: notFinite}
		for _, k := range g.members {
			x, y := byLayer(snapshots[k], func(s probe.Signal) float64 { return s.Std })
			spread[i].Series = append(spread[i].Series, plot.Series{Name: g.looks[k].name, Style: g.looks[k].style, X: x, Y: y})
		}
	}
	plot.ShareAxis(spread)
	f.Panels = spread
	for row := range rows {
		for _, g := range groups {
			p := plot.Panel{Title: g.title, X: layerAxis, Y: plot.Axis{Label: "pre-activation"}, Empty: "no such network"}
			if row < len(g.members) {
				k := g.members[row]
				s := plot.Series{Name: g.looks[k].name, Style: g.looks[k].style, Bands: []plot.Band{{Note: pale}, {Note: dark}}}
				s.X, s.Y = byLayer(snapshots[k], percentile(2))
				for b := range s.Bands {
					_, s.Bands[b].Low = byLayer(snapshots[k], percentile(b))
					_, s.Bands[b].High = byLayer(snapshots[k], percentile(4-b))
				}
				p.Series, p.Empty = []plot.Series{s}, notFinite
			}
			f.Panels = append(f.Panels, p)
		}
	}
	return f
}

const notFinite = "not finite"

var layerAxis = plot.Axis{Label: "hidden layer"}

// byLayer returns value(signal) for each hidden layer, numbered from 1.
func byLayer(s probe.Snapshot, value func(probe.Signal) float64) (x, y []float64) {
	for i, layer := range layers(s) {
		g, _ := preActivation(s, layer)
		x, y = append(x, float64(i+1)), append(y, value(g))
	}
	return x, y
}

// groupOfNetworks is the networks of one experiment.
type groupOfNetworks struct {
	title   string
	key     string
	members []int // indices of the networks
	looks   map[int]appearance
}

// group puts networks of one experiment together: those that differ in batch normalization only, in the order given.
func group(networks []bnlib.Network) []groupOfNetworks {
	var groups []groupOfNetworks
	for i, n := range networks {
		key := fmt.Sprint(n.Name, n.InitStd, n.Activation, n.LearningRate, n.Hidden, n.Seed, n.Batch)
		at := slices.IndexFunc(groups, func(g groupOfNetworks) bool {
			return n.Model == nil && g.key == key && !slices.ContainsFunc(g.members, func(k int) bool {
				return networks[k].Norm.Equal(n.Norm)
			})
		})
		if at < 0 {
			g := groupOfNetworks{title: fmt.Sprintf("std %v, %s", n.InitStd, n.Experiment.ActivationName()), key: key, looks: map[int]appearance{}}
			if n.Model != nil {
				g.title, g.key = n.Name, ""
			}
			groups, at = append(groups, g), len(groups)
		}
		g := &groups[at]
		g.members = append(g.members, i)
		g.looks[i] = appearances([]*bnlib.Run{{Network: n}})[0]
	}
	return groups
}

// profileTitle says how far apart the spreads of the first and of the last hidden layer are: "Before training, std of
// pre-activations from the first to the last hidden layer: without batch norm 0.45 to 0.07 (std 0.05, ReLU), …; with it 0.99 to 1
// in every layer".
func profileTitle(networks []bnlib.Network, snapshots []probe.Snapshot) string {
	var items []string
	own := false // some network is a reader's own
	low, high := math.Inf(1), math.Inf(-1)
	groups := group(networks[:min(len(networks), len(snapshots))])
	for _, g := range groups {
		for _, k := range g.members {
			_, std := byLayer(snapshots[k], func(s probe.Signal) float64 { return s.Std })
			switch {
			case len(std) == 0:
			case isBatch(networks[k]):
				low, high = min(low, slices.Min(std)), max(high, slices.Max(std))
			default:
				own = own || networks[k].Model != nil
				items = append(items, fmt.Sprintf("%s to %s (%s)", plot.Short(std[0]), plot.Short(std[len(std)-1]), g.title))
			}
		}
	}
	text := strings.Join(firstFew(items), ", ")
	if text != "" && !own {
		text = "without batch norm " + text
	}
	if low <= high {
		if text != "" {
			text += "; "
		}
		text += fmt.Sprintf("with batch norm %s to %s in all layers", plot.Short(low), plot.Short(high))
	}
	if text == "" {
		text = "nothing to draw yet"
	}
	return "Before training, std of pre-activations from first to last hidden layer: " + text
}
