package chart

import (
	"fmt"
	"math"

	"batchnorm/bnlib"
	"batchnorm/bnlib/plot"
	"batchnorm/bnlib/probe"
)

// SignalExplorer lets a reader move through what networks look like before training: the slider sets the decimal logarithm of
// the standard deviation of the initial weights, the options are activations. By hidden layer it draws the standard deviation
// of the pre-activations, the share of saturated values or dead units, and the norm of the gradient of the weights.
//
// networks and snapshots are as for SignalProfile, for every combination of a standard deviation with an activation. The
// slider's positions are tenths of a decade: 0.05 and 0.0501 are one. It starts with the combination nearest to start.
func SignalExplorer(networks []bnlib.Network, snapshots []probe.Snapshot, start bnlib.Experiment) *plot.Explorer {
	e := &plot.Explorer{Slider: plot.Slider{Label: "log₁₀ of the std of the weights", Min: math.Inf(1), Max: math.Inf(-1), Step: math.Inf(1)}, Option: "activation"}
	nearest := math.Inf(1)
	for _, g := range group(networks[:min(len(networks), len(snapshots))]) {
		n := networks[g.members[0]].Experiment
		s := plot.State{Position: math.Round(10*math.Log10(n.InitStd)) / 10, Option: n.ActivationName(), Figure: signalState(g, snapshots)}
		distance := math.Abs(math.Log10(n.InitStd / start.InitStd))
		if n.Activation != start.Activation {
			distance += 100
		}
		if distance < nearest {
			nearest, e.Start = distance, len(e.States)
		}
		for _, other := range e.States {
			if apart := math.Abs(other.Position - s.Position); apart > 0 {
				e.Slider.Step = min(e.Slider.Step, math.Round(10*apart)/10)
			}
		}
		e.Slider.Min, e.Slider.Max = min(e.Slider.Min, s.Position), max(e.Slider.Max, s.Position)
		e.States = append(e.States, s)
	}
	shareLogAxes(e)
	return e
}

// signalState draws the networks of one experiment.
func signalState(g groupOfNetworks, snapshots []probe.Snapshot) *plot.Figure {
	var title string
	panels := []plot.Panel{
		{Y: plot.Axis{Label: "std of pre-activations (log)", Log: true}},
		{Y: plot.Axis{Label: "saturated values, dead units (share)", Max: 1}},
		{Y: plot.Axis{Label: "norm of the weights' gradient (log)", Log: true}},
	}
	for i, k := range g.members {
		s, look := snapshots[k], g.looks[k]
		if i > 0 {
			title += ", "
		}
		title += fmt.Sprintf("%s %s", loss(s.Loss), look.name)
		x, std := byLayer(s, func(g probe.Signal) float64 { return g.Std })
		_, share := byLayer(s, idle)
		var gradient []float64
		for _, layer := range layers(s) {
			gradient = append(gradient, gradientOf(s, layer))
		}
		for p, y := range [][]float64{std, share, gradient} {
			panels[p].X, panels[p].Empty = layerAxis, notFinite
			panels[p].Series = append(panels[p].Series, plot.Series{Name: look.name, Style: look.style, X: x, Y: y})
		}
	}
	return &plot.Figure{
		Title:    fmt.Sprintf("Before training, %s: first loss %s", g.title, title),
		Subtitle: "saturated: slope of the sigmoid or of tanh below 0.01; dead: ReLU 0 on every image" + ofImages(snapshots[g.members[0]:][:1]),
		Panels:   panels, Columns: len(panels), Width: plot.PageWidth, Height: 170,
	}
}
