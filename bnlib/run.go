package bnlib

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"batchnorm/data"
)

// Run is what the training of one network left behind.
type Run struct {
	Network  Network // what was trained; Experiment.Model is nil when the run was read from the store
	Key      string  // hexadecimal digest of all that determines the numbers below
	Backend  string  // description of the backend that computed it
	Finished time.Time

	Status     Status
	DivergedAt int // first step (1-based) whose training loss was not finite; 0: none

	Losses  []float32         // training loss of each step's minibatch, in nats, before that step's update
	Points  []Point           // validation, at step 0, every Experiment.Every steps, and at the end
	Test    float64           // accuracy on the test images after the last step, in [0, 1]; NaN if cancelled
	Answers [data.Classes]int // how many test images are given each class after the last step; see Collapse

	StepsPerSecond float64 // training steps per second, evaluations and compilation apart
	Lockstep       int     // number of networks in its program, which made their steps together at that rate

	Snapshots []Snapshot // what Options.Probe saw, in the order of the steps

	Weights []Weight // every variable of the network after the last step, moving averages included
}

// Point is one evaluation on the validation images.
type Point struct {
	Step     int     // number of training steps done
	Loss     float64 // mean cross-entropy in nats; NaN or infinite after divergence
	Accuracy float64 // share of images classified right, in [0, 1]
}

// Weight is one variable of a network.
type Weight struct {
	Name      string // path of the variable within the network, such as "hidden_1/dense/weights"
	Dims      []int
	Trainable bool
	Values    []float32 // row-major
}

// Status says how a training ended.
type Status int

const (
	Finished  Status = iota // all steps done, every loss finite
	Diverged                // all steps done, but a training loss was not finite: see Run.DivergedAt
	Cancelled               // stopped by its context; never stored
	Running                 // what a Recorder sees; never returned
)

func (s Status) String() string {
	switch s {
	case Finished:
		return "finished"
	case Diverged:
		return "diverged"
	case Cancelled:
		return "cancelled"
	case Running:
		return "running"
	}
	return fmt.Sprintf("Status(%d)", int(s))
}

// Early reports whether training ended before its last step.
func (s Status) Early() bool { return s == Cancelled || s == Running }

// Last returns the last evaluation; the zero Point if there was none.
func (r *Run) Last() Point {
	if len(r.Points) == 0 {
		return Point{}
	}
	return r.Points[len(r.Points)-1]
}

// Reached returns the first evaluated step with at least the given validation accuracy, and whether there was one.
func (r *Run) Reached(accuracy float64) (step int, ok bool) {
	for _, p := range r.Points {
		if p.Accuracy >= accuracy {
			return p.Step, true
		}
	}
	return 0, false
}

// Weight returns the variable of a name after the last step, such as "hidden_1/dense/weights", and whether there is one.
func (r *Run) Weight(name string) (w Weight, ok bool) {
	i := slices.IndexFunc(r.Weights, func(w Weight) bool { return w.Name == name })
	if i < 0 {
		return Weight{}, false
	}
	return r.Weights[i], true
}

// FormatAccuracy writes an accuracy, or another share, as the article does: ".9801"; "–" if it is not a number.
func FormatAccuracy(share float64) string {
	if !finite(share) {
		return "–"
	}
	return strings.TrimPrefix(fmt.Sprintf("%.4f", share), "0")
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
