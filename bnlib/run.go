package bnlib

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"batchnorm/bnlib/internal/engine"
	"batchnorm/bnlib/probe"
	"batchnorm/data"
)

// Run is what the training of one network left behind. A nil run, of a network that a store lacks, has nothing: its methods return
// zero values.
type Run struct {
	Network  Network // what was trained; its functions are nil when the run was loaded by its key
	Key      string  // hexadecimal digest of all that determines the numbers below, the machine included
	Machine  string  // what computed it, as far as that changes bits: plugin, processor, instruction set
	Finished time.Time
	Notes    []string // what a reader should know of how it came about, such as a damaged file that was set aside

	Status     Status
	DivergedAt int // first step (1-based) whose training loss was not finite; 0: none

	Losses  []float32         // training loss of each step's minibatch, in nats, before that step's update
	Points  []Point           // validation, at step 0, every Experiment.Every steps, and at the end
	Test    float64           // accuracy on the test images after the last step, in [0, 1]; NaN if cancelled
	Answers [data.Classes]int // how many test images are given each class after the last step; see Collapse
	cause   Cause             // of its collapse, if it has

	StepsPerSecond float64 // training steps per second, evaluations and compilation apart
	Lockstep       int     // number of networks in its program, which made their steps together at that rate

	Seen map[string]*probe.History // what each hook of the training recorded, by the hook's name; see Snapshots

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
	Cancelled               // stopped, by its context or an error, before its last step; never stored
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

// Snapshots returns what probe.Signals and probe.Norms saw, in the order of the steps.
func (r *Run) Snapshots() []probe.Snapshot {
	if r == nil {
		return nil
	}
	return probe.Snapshots(r.Seen[probe.Signals.Name], r.Seen[probe.Norms.Name], r.Network.Rate)
}

// Last returns the last evaluation; the zero Point if there was none.
func (r *Run) Last() Point {
	if r == nil || len(r.Points) == 0 {
		return Point{}
	}
	return r.Points[len(r.Points)-1]
}

// Reached returns the first evaluated step with at least the given validation accuracy, and whether there was one.
func (r *Run) Reached(accuracy float64) (step int, ok bool) {
	if r == nil {
		return 0, false
	}
	for _, p := range r.Points {
		if p.Accuracy >= accuracy {
			return p.Step, true
		}
	}
	return 0, false
}

// Weight returns the variable of a name after the last step, such as "hidden_1/dense/weights", and whether there is one.
func (r *Run) Weight(name string) (w Weight, ok bool) {
	if r == nil {
		return Weight{}, false
	}
	i := slices.IndexFunc(r.Weights, func(w Weight) bool { return w.Name == name })
	if i < 0 {
		return Weight{}, false
	}
	return r.Weights[i], true
}

// take brings the run up to what its training has come to.
func (r *Run) take(result *engine.Result) {
	r.DivergedAt, r.Losses, r.Test, r.Answers = result.DivergedAt, result.Losses, result.Test, result.Answers
	r.StepsPerSecond, r.Lockstep = result.StepsPerSecond, result.Lockstep
	for _, p := range result.Points[len(r.Points):] {
		r.Points = append(r.Points, Point(p))
	}
	r.Seen = map[string]*probe.History{}
	for name, h := range result.Seen {
		seen := *h // it grows
		r.Seen[name] = &seen
	}
	if !result.Over {
		r.Test = math.NaN()
		return
	}
	r.Status = Finished
	if r.DivergedAt > 0 {
		r.Status = Diverged
	}
	r.Finished = time.Now()
	for _, w := range result.Weights {
		r.Weights = append(r.Weights, Weight(w))
	}
	r.cause = causeOf(r)
}

// FormatAccuracy writes an accuracy, or another share, as the article does: ".9801"; "–" if it is not a number.
func FormatAccuracy(share float64) string {
	if !finite(share) {
		return "–"
	}
	return strings.TrimPrefix(fmt.Sprintf("%.4f", share), "0")
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
