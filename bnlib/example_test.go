package bnlib_test

import (
	"context"
	"fmt"
	"log"

	"batchnorm/bnlib"
	"batchnorm/bnlib/probe"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

func ExampleCompare() {
	e := bnlib.Article(1)
	e.LearningRate = 0.1
	runs, err := bnlib.Compare(context.Background(), e, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("accuracy on the test images:", runs[0].Test, "without batch norm,", runs[1].Test, "with it")
}

func ExampleGrid() {
	width := bnlib.Axis{Name: "width", Values: []float64{32, 128}, Set: func(e *bnlib.Experiment, units float64) {
		e.Hidden = []int{int(units), int(units)}
	}}
	grid := bnlib.Grid{Base: bnlib.Article(1), Axes: []bnlib.Axis{width, bnlib.Rate(0.01, 0.1, 1)}, Seeds: 3}
	fmt.Println(grid.Points(), "points,", len(grid.Networks()), "networks; the last point is", grid.Experiment(5).Name)
	fmt.Println("a third of it:", grid.Shard(0, 3))
	// Output:
	// 6 points, 36 networks; the last point is width 128, rate 1
	// a third of it: [0 3]
}

func ExampleGrid_Train() {
	grid := bnlib.Grid{Base: bnlib.Article(1), Axes: []bnlib.Axis{bnlib.Std(0.01, 0.1, 1), bnlib.Rate(0.01, 0.1)}, Seeds: 3}
	results, err := grid.Train(context.Background(), nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("with batch norm, std 0.01, rate 0.1:", results.Sample(1, 0, 1).Test())
}

// A norm that takes the mean of the batch and leaves its variance.
func ExampleNorm() {
	meanOnly := bnlib.Norm{Name: "mean only", Color: "#2e7d32", Apply: func(_ *model.Scope, x *Node) *Node {
		return Sub(x, ReduceAndKeep(x, ReduceMean, 0)) // x is [batch, units]
	}}
	e := bnlib.Article(1)
	e.Hidden = []int{64}
	weights, err := e.With(meanOnly)[0].InitialWeights()
	if err != nil {
		log.Fatal(err)
	}
	for _, w := range weights {
		fmt.Println(w.Name, w.Dims)
	}
	// Unordered output:
	// hidden_1/dense/weights [784 64]
	// logits/dense/biases [10]
	// logits/dense/weights [64 10]
}

// A hook that takes the angle between a layer's weights and their gradient.
func ExampleOptions_hooks() {
	cosine := probe.Hook{Name: "cosine", Graph: func(l *probe.Look) {
		w, g := l.Value("hidden_1/dense/weights"), l.Gradient("hidden_1/dense/weights")
		l.Record("hidden_1", Div(ReduceAllSum(Mul(w, g)), Mul(L2Norm(w), L2Norm(g))))
	}}
	runs, err := bnlib.Train(context.Background(), bnlib.Article(1).Pair(), &bnlib.Options{Hooks: []probe.Hook{cosine}})
	if err != nil {
		log.Fatal(err)
	}
	for _, run := range runs {
		seen := run.Seen["cosine"]
		fmt.Println(run.Network.Norm.Name, seen.Steps, seen.Of("hidden_1"))
	}
}

// The hidden layers stay as they were drawn; only the logits are trained, at a rate of their own.
func ExampleFrozen() {
	e := bnlib.Article(1)
	e.Rates = bnlib.Frozen("hidden_*")
	e.Rates["logits"] = 0.1
	n := e.With(bnlib.Batch)[0]
	fmt.Println(n.Rate("hidden_2/batch_norm/gamma"), n.Rate("logits/dense/weights"))
	// Output: 0 0.1
}
