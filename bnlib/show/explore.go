package show

import (
	"context"
	"math"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"syscall"

	"batchnorm/bnlib"
	"batchnorm/bnlib/chart"

	"github.com/gomlx/gomlx/ml/layers/activation"
)

// Explore shows what the two networks of an experiment look like before training, with a slider for the standard deviation of
// the initial weights, from 0.01 to 10, and a choice of activation: ReLU, sigmoid, and the experiment's own. See
// chart.SignalExplorer.
//
// It looks inside all these networks at once, which takes some seconds. The figure then moves as fast as the slider, also
// after the kernel has gone, and a page saved with it holds the picture of the experiment it was called with.
func Explore(e bnlib.Experiment) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	networks := explored(e)
	snapshots, err := bnlib.InitialSignal(ctx, networks, nil)
	leaveIfStopped(ctx)
	if err != nil {
		return err
	}
	return Moving(chart.SignalExplorer(networks, snapshots, e))
}

// explored returns the networks that Explore looks into. Quick mode has fewer.
func explored(e bnlib.Experiment) []bnlib.Network {
	activations := []activation.Type{activation.TypeRelu, activation.TypeSigmoid}
	if !slices.Contains(activations, e.Activation) {
		activations = append(activations, e.Activation)
	}
	step := 1
	if os.Getenv(bnlib.QuickEnv) != "" {
		step = 10
	}
	var networks []bnlib.Network
	for _, e.Activation = range activations {
		for tenth := -20; tenth <= 10; tenth += step {
			e.InitStd = twoDigits(math.Pow(10, float64(tenth)/10))
			pair := e.Pair()
			if e.Model != nil {
				pair = pair[:1] // batch normalization is the model function's own affair
			}
			networks = append(networks, pair...)
		}
	}
	return networks
}

// twoDigits rounds to two significant digits: 0.05 instead of 0.0501.
func twoDigits(x float64) float64 {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 2, 64), 64)
	if err != nil {
		panic(err) // of what strconv has written there is none
	}
	return rounded
}
