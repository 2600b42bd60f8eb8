package engine

import (
	"context"
	"testing"

	"batchnorm/bnlib/backend"
	"batchnorm/data"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers"
	"github.com/gomlx/gomlx/ml/model"
)

// TestPrograms counts what is compiled for networks that differ in numbers: one program, and one more where there is a decay or a
// schedule.
func TestPrograms(t *testing.T) {
	b, err := backend.Open()
	if err != nil {
		t.Fatal(err)
	}
	d, err := data.MNIST()
	if err != nil {
		t.Fatal(err)
	}
	few := data.Set{Images: d.Test.Images[:100*data.Pixels], Labels: d.Test.Labels[:100]}
	constant := func(x float64) func(string) float64 { return func(string) float64 { return x } }
	network := func(edit func(*Spec)) *Spec {
		s := &Spec{
			Model: func(scope *model.Scope, images *Node) *Node {
				return layers.Dense(scope.In("b"), Tanh(layers.Dense(scope.In("a"), images, true, 3)), true, data.Classes)
			},
			Std: constant(0.1), Rate: constant(0.5), Batch: 5, Steps: 4, Every: 2,
		}
		edit(s)
		return s
	}
	specs := []*Spec{
		network(func(s *Spec) {}),
		network(func(s *Spec) { s.Seed = 7 }),
		network(func(s *Spec) { s.Rate = constant(0.1) }),
		network(func(s *Spec) { s.Rate = constant(0) }),
		network(func(s *Spec) { s.Std = constant(2) }),
		network(func(s *Spec) { s.Decay = constant(1e-4) }),
		network(func(s *Spec) { s.Decay = constant(0) }),
		network(func(s *Spec) { s.Schedule = func(int) float64 { return 1 } }),
		network(func(s *Spec) { s.Schedule = func(step int) float64 { return 1 / float64(1+step) } }),
	}
	c := crew{training: &training{
		o:         Options{Data: &data.Dataset{Train: few, Validation: few, Test: few}},
		residents: map[compute.Backend]*resident{},
	}}
	tracer := &Tracer{Backend: b}
	var jobs []*Job
	for _, s := range specs {
		trace, err := tracer.Trace(s)
		if err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, &Job{Network: &Network{Spec: s, Trace: trace}, Result: &Result{}})
	}
	for _, jobs := range lockstep(jobs, 1) {
		c.queue = append(c.queue, c.newGroup(jobs))
	}
	if err := c.work(context.Background(), []compute.Backend{b}); err != nil {
		t.Fatal(err)
	}
	if len(c.programs) != 3 {
		t.Errorf("%d networks that differ in numbers took %d programs, want 3", len(specs), len(c.programs))
	}
	for i, j := range jobs {
		if !j.Result.Over {
			t.Errorf("network %d is not over", i)
		}
	}
	c.release()
}
