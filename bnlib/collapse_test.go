package bnlib

import (
	"context"
	"fmt"
	"math"
	"testing"

	"batchnorm/bnlib/probe"
	"batchnorm/data"
)

// TestAnswers holds the counts of answers to the labels: a network that is nearly always right answers as they are spread.
func TestAnswers(t *testing.T) {
	e := short(1)
	e.Steps, e.Every = 400, 400
	for _, run := range trained(t, options(t), e.Pair()...) {
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
	train := func(e Experiment, hooks ...probe.Hook) (run, stored *Run) {
		o := options(t)
		o.Hooks = hooks
		runs, err := Train(context.Background(), e.With(None), o)
		if err != nil {
			t.Fatal(err)
		}
		if stored, err = o.Store.Load(runs[0].Key); err != nil {
			t.Fatal(err)
		}
		return runs[0], stored
	}
	e := Article(3)
	e.Steps, e.Every = 200, 200
	saturated := Article(8) // all units at 0 or 1, and a rate at which the last biases take all
	saturated.InitStd, saturated.LearningRate, saturated.Steps, saturated.Every = 0, 2, 20, 20
	exploding := short(3)
	exploding.LearningRate = 1e20
	for _, c := range []struct {
		name  string
		e     Experiment
		hooks []probe.Hook
		want  Cause
	}{
		{"experiment 3", e, nil, DeadUnits},
		{"experiment 3, looked at in its last step", e, []probe.Hook{probe.Signals.At(200)}, DeadUnits},
		{"experiment 3, looked at in another step", e, []probe.Hook{probe.Signals.At(0)}, DeadUnits},
		{"rate 1e20", exploding, nil, NotFinite},
		{"sigmoids that are all alike", saturated, nil, ConstantOutput},
	} {
		run, stored := train(c.e, c.hooks...)
		got, collapsed := run.Collapse()
		if !collapsed || got.Cause != c.want || got.Share < .99 {
			t.Errorf("%s: %v, %v; want %v. Test accuracy %v, answers %v", c.name, collapsed, got, c.want, run.Test, run.Answers)
			continue
		}
		if again, _ := stored.Collapse(); again != got {
			t.Errorf("%s: from the store %v, want %v", c.name, again, got)
		}
		if (run.Seen[probe.Signals.Name] != nil) != (len(c.hooks) > 0) {
			t.Errorf("%s: the run keeps what %d hooks saw: %v", c.name, len(c.hooks), run.Seen)
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
		r := &Run{Network: Network{Experiment: Article(4)}, Status: Finished, Losses: make([]float32, 20), Points: []Point{{20, 2.3, .1}}}
		r.Answers[3] = 10000
		edit(r)
		r.cause = causeOf(r)
		return r
	}
	// signals is what probe.Signals saw of three layers, of which shares of the units are dead: the last of a signal's numbers.
	signals := func(step int, dead ...float64) map[string]*probe.History {
		h := &probe.History{Steps: []int{step}, Values: make([][][]float64, 1)}
		for i, share := range dead {
			name := fmt.Sprintf("hidden_%d %s", i+1, probe.PreActivation)
			h.Names = append(h.Names, name, name+" across images")
			h.Values[0] = append(h.Values[0], append(make([]float64, 13), share), []float64{0, 0})
		}
		return map[string]*probe.History{probe.Signals.Name: h}
	}
	overflow := []Weight{{Name: "w", Values: []float32{1}}, {Name: "moving_variance", Values: []float32{1, float32(math.Inf(1))}}}
	for name, c := range map[string]struct {
		run  *Run
		want *Collapse
	}{
		"one class":        {run(func(*Run) {}), &Collapse{3, 1, ConstantOutput}},
		"not quite one":    {run(func(r *Run) { r.Answers = [10]int{7: 9900, 2: 100} }), &Collapse{7, .99, ConstantOutput}},
		"two classes":      {run(func(r *Run) { r.Answers = [10]int{7: 9899, 2: 101} }), nil},
		"NaN":              {run(func(r *Run) { r.Status, r.Points[0].Loss = Diverged, math.NaN() }), &Collapse{3, 1, NotFinite}},
		"overflow":         {run(func(r *Run) { r.Weights = overflow }), &Collapse{3, 1, Overflow}},
		"NaN and overflow": {run(func(r *Run) { r.Points[0].Loss, r.Weights = math.NaN(), overflow }), &Collapse{3, 1, NotFinite}},
		"dead":             {run(func(r *Run) { r.Seen = signals(20, math.NaN(), 1, .5) }), &Collapse{3, 1, DeadUnits}},
		"half dead":        {run(func(r *Run) { r.Seen = signals(20, math.NaN(), .5, .5) }), &Collapse{3, 1, ConstantOutput}},
		"overflow, dead":   {run(func(r *Run) { r.Weights, r.Seen = overflow, signals(20, 1) }), &Collapse{3, 1, Overflow}},
		"dead, earlier":    {run(func(r *Run) { r.Seen = signals(10, math.NaN(), 1, .5) }), &Collapse{3, 1, ConstantOutput}},
		"cancelled":        {run(func(r *Run) { r.Status = Cancelled }), nil},
		"no answers":       {run(func(r *Run) { r.Answers = [10]int{} }), nil},
	} {
		got, collapsed := c.run.Collapse()
		if collapsed != (c.want != nil) || collapsed && got != *c.want {
			t.Errorf("%s: %v, %+v; want %+v", name, collapsed, got, c.want)
		}
	}
}
