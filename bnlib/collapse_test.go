package bnlib

import (
	"context"
	"math"
	"testing"

	"batchnorm/data"

	"github.com/gomlx/gomlx/ml/layers/activation"
)

// TestAnswers holds the counts of answers to the labels: a network that is nearly always right answers as they are spread.
func TestAnswers(t *testing.T) {
	e := short(1)
	e.Steps, e.Every = 400, 400
	for _, run := range compare(t, e, options(t)) {
		var labels [data.Classes]int
		for _, label := range mnist(t).Test.Labels {
			labels[label]++
		}
		total, off := 0, 0
		for class, n := range run.Answers {
			total += n
			off += max(0, n-labels[class])
		}
		if wrong := 1 - run.Test; total != 10000 || float64(off) > wrong*10000 {
			t.Errorf("%d answers, %v of them by class, at an accuracy of %v; labels %v", total, run.Answers, run.Test, labels)
		}
		if c, collapsed := run.Collapse(); collapsed {
			t.Errorf("a network with accuracy %v counts as collapsed: %v", run.Test, c)
		}
	}
}

// TestCollapseOfRuns checks networks that do collapse.
func TestCollapseOfRuns(t *testing.T) {
	d := mnist(t)
	train := func(e Experiment, p *Probe) *Run {
		o := options(t)
		o.Probe = p
		runs, err := Train(context.Background(), []Network{{Experiment: e}}, o)
		if err != nil {
			t.Fatal(err)
		}
		return runs[0]
	}
	e := Article[3]
	e.Steps, e.Every = 200, 200
	saturated := Article[8] // all units at 0 or 1, and a rate at which the last biases take all
	saturated.InitStd, saturated.LearningRate, saturated.Steps, saturated.Every = 0, 2, 20, 20
	exploding := short(3)
	exploding.LearningRate = 1e20
	for _, c := range []struct {
		name  string
		e     Experiment
		probe *Probe
		want  Cause
	}{
		{"experiment 3, from the weights", e, nil, DeadUnits},
		{"experiment 3, from a snapshot", e, &Probe{Steps: []int{200}}, DeadUnits},
		{"experiment 3, snapshot of another step", e, &Probe{Steps: []int{0}}, DeadUnits},
		{"rate 1e20", exploding, nil, NotFinite},
		{"sigmoids that are all alike", saturated, nil, ConstantOutput},
	} {
		run := train(c.e, c.probe)
		got, collapsed := run.Collapse()
		if !collapsed || got.Cause != c.want || got.Share < .99 {
			t.Errorf("%s: %v, %v; want %v. Test accuracy %v, answers %v", c.name, collapsed, got, c.want, run.Test, run.Answers)
			continue
		}
		labels := 0
		for _, label := range d.Test.Labels {
			if int(label) == got.Class {
				labels++
			}
		}
		if math.Abs(run.Test-float64(labels)/10000) > .01 {
			t.Errorf("%s: answers class %d, %d of the test images, with accuracy %v", c.name, got.Class, labels, run.Test)
		}
	}
}

func TestCollapse(t *testing.T) {
	if c, collapsed := (&Run{}).Collapse(); collapsed || c.String() != "has not collapsed" {
		t.Errorf("a run without answers: %v, collapsed %v", c, collapsed)
	}
	run := func(edit func(r *Run)) *Run {
		r := &Run{Network: Network{Experiment: Article[4]}, Status: Finished, Losses: make([]float32, 20), Points: []Point{{20, 2.3, .1}}}
		r.Answers[3] = 10000
		edit(r)
		return r
	}
	dead := []Snapshot{{Step: 20, Signals: []Signal{{Dead: math.NaN()}, {Dead: 1}, {Dead: .5}}}}
	relu := func(r *Run) { r.Network.Activation = activation.TypeRelu }
	for name, c := range map[string]struct {
		run  *Run
		want *Collapse
	}{
		"one class":       {run(func(*Run) {}), &Collapse{3, 1, ConstantOutput}},
		"not quite one":   {run(func(r *Run) { r.Answers = [10]int{7: 9900, 2: 100} }), &Collapse{7, .99, ConstantOutput}},
		"two classes":     {run(func(r *Run) { r.Answers = [10]int{7: 9899, 2: 101} }), nil},
		"NaN":             {run(func(r *Run) { r.Status, r.Points[0].Loss = Diverged, math.NaN() }), &Collapse{3, 1, NotFinite}},
		"dead":            {run(func(r *Run) { r.Snapshots = dead }), &Collapse{3, 1, DeadUnits}},
		"dead, earlier":   {run(func(r *Run) { r.Snapshots = dead; r.Losses = make([]float32, 40) }), &Collapse{3, 1, ConstantOutput}},
		"without weights": {run(relu), &Collapse{3, 1, ConstantOutput}},
		"cancelled":       {run(func(r *Run) { r.Status = Cancelled }), nil},
		"no answers":      {run(func(r *Run) { r.Answers = [10]int{} }), nil},
	} {
		got, collapsed := c.run.Collapse()
		if collapsed != (c.want != nil) || collapsed && got != *c.want {
			t.Errorf("%s: %v, %+v; want %+v", name, collapsed, got, c.want)
		}
	}
}

// TestHiddenLayer holds the forward pass in Go to the network in plain Go of the other tests.
func TestHiddenLayer(t *testing.T) {
	for _, batchNorm := range []bool{false, true} {
		e := short(1)
		e.Hidden, e.InitStd = []int{9, 8}, .3
		runs, err := Train(context.Background(), []Network{{Experiment: e, BatchNorm: batchNorm}}, options(t))
		if err != nil {
			t.Fatal(err)
		}
		x := widen64(mnist(t).Validation.Pixels()[:20*data.Pixels])
		got, ok := runs[0].hiddenLayer("hidden_1/", x, data.Pixels, 9)
		l := &plainLayer{in: data.Pixels, out: 9, bias: make([]float64, 9)}
		weights := map[string][]float64{}
		for _, w := range runs[0].Weights {
			weights[w.Name] = widen64(w.Values)
		}
		l.w = weights["hidden_1/dense/weights"]
		want := l.forward(x, activation.TypeNone)
		for i := range want {
			u := i % 9
			if batchNorm {
				p := func(name string) float64 { return weights["hidden_1/batch_norm/"+name][u] }
				want[i] = p("gamma")*(want[i]-p("moving_mean"))/math.Sqrt(p("moving_variance")+1e-3) + p("beta")
			} else {
				want[i] += weights["hidden_1/dense/biases"][u]
			}
			want[i] = max(want[i], 0)
		}
		if d := largestDifference(got, want); !ok || !(d < 1e-6) {
			t.Errorf("batch norm %v: ok %v, differs by %v", batchNorm, ok, d)
		}
	}
}
