package chart_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"batchnorm/bnlib"
	"batchnorm/bnlib/chart"
	"batchnorm/bnlib/internal/vegalite"
	"batchnorm/bnlib/plot"
	"batchnorm/bnlib/probe"
)

// explorers are the figures that move and have a still picture of their own.
func explorers() map[string]*plot.Explorer {
	return map[string]*plot.Explorer{
		"distributions":  chart.Distributions(recordedInside("inside4")...),
		"distributions3": chart.Distributions(recordedInside("inside3")...),
		"distributions6": chart.Distributions(recordedInside("inside6")...),
		"distributions7": chart.Distributions(probed("probe7")...),
	}
}

// widening returns a run whose pre-activations are spread evenly from -(1+step/1000) to 1+step/1000, in the second layer over twice
// as much.
func widening(batchNorm bool, steps ...int) *bnlib.Run {
	return looked(batchNorm, steps, func(step, layer int) (probe.Signal, probe.ParameterSizes) {
		half := float64(layer) * (1 + float64(step)/1000)
		g := probe.Signal{Images: 100, Units: 6, Percentiles: [5]float64{-.9 * half, -.7 * half, 0, .7 * half, .9 * half}}
		g.Histogram = probe.Histogram{Min: -half, Max: half, Counts: slices.Repeat([]int{10}, probe.HistogramBins)}
		return g, probe.ParameterSizes{}
	})
}

func upTo(last, every int) (steps []int) {
	for step := 0; step <= last; step += every {
		steps = append(steps, step)
	}
	return steps
}

func TestDistributions(t *testing.T) {
	steps := upTo(50000, 500)
	e := chart.Distributions(widening(false, steps...), widening(true, steps...))
	if want := (plot.Slider{Label: "training step", Max: 50000, Step: 2500}); e.Slider != want || len(e.States) != 21 || !e.Play {
		t.Fatalf("slider %+v, %d states, want %+v, 21", e.Slider, len(e.States), want)
	}
	if got, want := e.Title(), "Experiment 1, middle 70% of hidden_2's pre-activations at steps 0 and 50000: with batch norm from [−1.4, 1.4] to [−71, 71]; without it from [−1.4, 1.4] to [−71, 71]"; got != want {
		t.Errorf("title %q, want %q", got, want)
	}
	if got, want := e.States[1].Figure.Title, "Experiment 1, middle 70% of hidden_2's pre-activations at step 2500: with batch norm [−4.9, 4.9]; without it [−4.9, 4.9]"; got != want {
		t.Errorf("title %q, want %q", got, want)
	}
	for _, s := range e.States {
		for i, p := range s.Figure.Panels {
			first := e.States[0].Figure.Panels[i]
			if p.X.Min != first.X.Min || p.X.Max != first.X.Max || p.Y.Max != first.Y.Max {
				t.Errorf("at %v panel %d has axes of its own", s.Position, i)
			}
			if !slices.Equal(p.Series[0].Y, first.Series[1].Y) || !p.Series[0].Faint {
				t.Errorf("at %v panel %d: the thin curve is not that of the first step", s.Position, i)
			}
			sum := 0.
			for _, y := range p.Series[1].Y {
				sum += y
			}
			if math.Abs(sum-100) > 1.2 { // half a percent of the last step is beyond either end
				t.Errorf("at %v the bins of panel %d hold %v%% of the values", s.Position, i, sum)
			}
		}
	}
	picture, err := e.PNG()
	if err != nil {
		t.Fatal(err)
	}
	if still, err := e.Still.PNG(); err != nil || !bytes.Equal(picture, still) {
		t.Errorf("the picture is not the still one (%v)", err)
	}
	if got := len(e.Still.Panels[0].Series); got != 3 {
		t.Errorf("the still picture has %d curves in a panel, want those of the first, the middle and the last step", got)
	}
	spec := vegalite.Of(t, e)
	if len(spec) > 120_000 {
		t.Errorf("the specification has %d bytes", len(spec))
	}
	tables, err := vegalite.Tables(spec)
	if err != nil {
		t.Fatal(err)
	}
	// A table for each layer, for both runs have its axis: of 40 bins at 21 steps.
	if len(tables) != 2 || len(tables["data0"]) != 40*21 {
		t.Errorf("%d tables, %d rows in the first", len(tables), len(tables["data0"]))
	}
}

// TestDistributionsPlay plays as the specification's own expressions do.
func TestDistributionsPlay(t *testing.T) {
	type signal struct {
		Name  string
		Value any
		Bind  struct{ Input string }
		On    []struct {
			Events struct {
				Type, Signal string
				Throttle     int
			}
			Update string
		}
	}
	var spec struct {
		Params []struct{ Name string }
		Config struct{ Signals []signal }
	}
	if err := json.Unmarshal(vegalite.Of(t, chart.Distributions(widening(true, upTo(1000, 500)...))), &spec); err != nil {
		t.Fatal(err)
	}
	for _, p := range spec.Params {
		if p.Name == "position" || p.Name == "zoom" {
			t.Errorf("parameter %s", p.Name)
		}
	}
	signals := spec.Config.Signals
	if len(signals) != 2 || signals[0].Name != "position" || signals[1].Name != "play" {
		t.Fatalf("signals %+v", signals)
	}
	position, play := signals[0], signals[1]
	if position.Bind.Input != "range" || play.Bind.Input != "checkbox" || play.Value != false {
		t.Errorf("position %+v, play %+v", position, play)
	}
	if got := position.On[0]; got.Events.Type != "timer" || got.Events.Throttle < 100 || got.Update != "play ? (position < 750 ? position + 500 : 0) : position" {
		t.Errorf("the slider moves so: %+v", got)
	}
	if got := play.On[0]; got.Events.Signal != "position" || got.Update != "play && position < 750" {
		t.Errorf("playing ends so: %+v", got)
	}
}

func TestDistributionsFrames(t *testing.T) {
	tests := []struct {
		name   string
		steps  []int
		states int
		slider string // its label and the position of the last state but one
	}{
		{"few", []int{0, 50, 100}, 3, "training step 50"},
		{"sixty", upTo(3000, 50), 21, "training step 2850"},
		{"uneven", []int{0, 50, 100, 200, 500}, 5, "look 4"},
		{"no divisor", upTo(97, 1), 21, "look 20"},
		{"two", []int{0, 20}, 2, "training step 0"},
	}
	for _, test := range tests {
		e := chart.Distributions(widening(false, test.steps...), widening(true, test.steps...))
		if len(e.States) != test.states {
			t.Errorf("%s: %d states, want %d", test.name, len(e.States), test.states)
			continue
		}
		if got := fmt.Sprint(e.Slider.Label, " ", e.States[test.states-2].Position); got != test.slider {
			t.Errorf("%s: %s, want %s", test.name, got, test.slider)
		}
		last := e.States[test.states-1]
		if want := " step " + strconv.Itoa(test.steps[len(test.steps)-1]) + ":"; last.Position != e.Slider.Max || !strings.Contains(last.Figure.Title, want) {
			t.Errorf("%s: ends at %v with %q", test.name, last.Position, last.Figure.Title)
		}
		vegalite.Of(t, e)
	}
}

// Nothing to move leaves a figure that says why.
func TestDistributionsOfLittle(t *testing.T) {
	for want, e := range map[string]*plot.Explorer{
		"no snapshots":              chart.Distributions(recorded("experiment1")...),
		"pre-activations at step 0": chart.Distributions(widening(true, 0)),
		"not looked into":           chart.Distributions(probed("probe1")[0], recorded("experiment1")[1]),
		"diverged (step":            chart.Distributions(probed("probe7")...),
	} {
		if spec := string(vegalite.Of(t, e)); !strings.Contains(spec, want) {
			t.Errorf("no %q in %s", want, spec[:min(len(spec), 2000)])
		}
		if _, err := e.PNG(); err != nil || e.Title() == "" {
			t.Errorf("%s: title %q, %v", want, e.Title(), err)
		}
	}
}
