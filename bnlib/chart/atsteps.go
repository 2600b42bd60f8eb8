package chart

import (
	"fmt"
	"math"
	"strings"

	"batchnorm/bnlib"
	"batchnorm/bnlib/plot"
	"batchnorm/bnlib/probe"
)

// Course tells where each run stood after some steps: accuracy and loss on the validation images, and the mean loss on the
// minibatches since the evaluation before, in nats. A step between two evaluations stands for the first of them, one after the
// last for the last. Its caption has the lowest validation loss and the largest fall in accuracy from one evaluation to the next.
func Course(steps []int, runs ...*bnlib.Run) *plot.Table {
	runs = present(runs)
	t := &plot.Table{Header: []string{"network", "step", "validation accuracy", "validation loss", "training loss"}}
	var notes []string
	for i, look := range appearances(runs) {
		run, before := runs[i], -1
		for _, step := range steps {
			at := lastBy(run.Points, func(p bnlib.Point) int { return p.Step }, step)
			if at < 0 || at == before {
				continue
			}
			before = at
			p := run.Points[at]
			training := "–"
			if at > 0 {
				// A grid's runs come without losses.
				if from, to := run.Points[at-1].Step, min(p.Step, len(run.Losses)); from >= 0 && from < to {
					training = loss(meanLoss(run.Losses[from:to]))
				}
			}
			t.Rows = append(t.Rows, []string{look.name, fmt.Sprint(p.Step), bnlib.FormatAccuracy(p.Accuracy), loss(p.Loss), training})
		}
		notes = append(notes, look.name+": "+turns(run))
	}
	t.Caption = strings.Join(notes, " · ")
	return t
}

// lastBy returns the index of the last of some moments of a training up to a step, −1 if there is none.
func lastBy[T any](moments []T, at func(T) int, step int) int {
	last := -1
	for i, m := range moments {
		if at(m) <= step {
			last = i
		}
	}
	return last
}

// turns tells where a run's loss was lowest and its accuracy fell most.
func turns(run *bnlib.Run) string {
	lowest, fall := bnlib.Point{Loss: math.NaN()}, bnlib.Point{}
	falls := 0
	for i, p := range run.Points {
		if finite(p.Loss) && !(p.Loss >= lowest.Loss) {
			lowest = p
		}
		if i > 0 && run.Points[i-1].Accuracy > p.Accuracy {
			falls++
			if d := run.Points[i-1].Accuracy - p.Accuracy; d > fall.Accuracy {
				fall = bnlib.Point{Step: p.Step, Accuracy: d}
			}
		}
	}
	var parts []string
	if finite(lowest.Loss) {
		parts = append(parts, fmt.Sprintf("lowest validation loss %s at step %d", loss(lowest.Loss), lowest.Step))
	}
	if falls > 0 {
		parts = append(parts, fmt.Sprintf("accuracy fell at %d of %d evaluations, most at step %d, by %s",
			falls, len(run.Points)-1, fall.Step, bnlib.FormatAccuracy(fall.Accuracy)))
	}
	if len(parts) == 0 {
		return "nothing to tell"
	}
	return strings.Join(parts, ", ")
}

func meanLoss(losses []float32) float64 {
	sum := 0.
	for _, x := range losses {
		sum += float64(x)
	}
	return sum / float64(len(losses))
}

// loss writes a loss in nats.
func loss(nats float64) string {
	switch {
	case math.IsNaN(nats):
		return "NaN"
	case math.IsInf(nats, 0):
		return "infinite"
	}
	return fmt.Sprintf("%.3g", nats)
}

// Inside tells what a probe saw in the hidden layers after some steps, of their pre-activations: the standard deviation over all
// values, that over the images (Signal.OverImages), the cosine between two images' (Signal.Cosine), the middle 70%, and the share of
// saturated values or dead units. A step without a snapshot stands for the last one before it.
func Inside(steps []int, runs ...*bnlib.Run) *plot.Table {
	runs = present(runs)
	what, explained := idleKind(snapshots(runs))
	t := &plot.Table{
		Header: []string{"network", "layer", "step", "std", "std over images", "cosine", "15th to 85th percentile", what},
		Caption: "of the pre-activations; std: over all units and images; std over images: of a unit, root mean square of the units; " +
			"cosine: between the pre-activations of two images, on average; " + explained,
	}
	names := layers(snapshots(runs)...)
	if len(names) == 0 {
		t.Caption = notProbed
	}
	for i, look := range appearances(runs) {
		for _, layer := range names {
			for _, s := range snapshotsAt(runs[i], steps) {
				row := []string{look.name, layer, fmt.Sprint(s.Step), "–", "–", "–", "–", "–"}
				if g, ok := preActivation(s, layer); ok {
					row[3], row[4], row[5] = plot.Short(g.Std), plot.Short(g.OverImages), short3(g.Cosine)
					if finite(g.Percentiles[1]) {
						row[6] = plot.Short(g.Percentiles[1]) + " to " + plot.Short(g.Percentiles[3])
					}
					if share := idle(g); finite(share) {
						row[7] = fmt.Sprintf("%.1f%%", 100*share)
					}
				}
				t.Rows = append(t.Rows, row)
			}
		}
	}
	return t
}

// short3 writes a cosine.
func short3(x float64) string {
	if !finite(x) {
		return "–"
	}
	return strings.Replace(fmt.Sprintf("%.3f", x), "-", "−", 1)
}

// snapshotsAt returns the last snapshot at or before each of some steps, once.
func snapshotsAt(run *bnlib.Run, steps []int) []probe.Snapshot {
	var out []probe.Snapshot
	all, before := run.Snapshots(), -1
	for _, step := range steps {
		if at := lastBy(all, func(s probe.Snapshot) int { return s.Step }, step); at >= 0 && at != before {
			before = at
			out = append(out, all[at])
		}
	}
	return out
}

// Variables tells of every trained variable, weights, biases, gammas, betas and those of the last layer, who learns: its size before
// the first step and, after each of some steps, how far it has come from there relative to that size (of one that starts at zeros:
// the distance itself, with a star), the norm of its gradient, and how far the next step moves it, relative to its size then. A step without a
// snapshot stands for the last one before it.
func Variables(steps []int, runs ...*bnlib.Run) *plot.Table {
	runs = present(runs)
	t := &plot.Table{
		Header: []string{"network", "variable", "initial norm", "step", "moved", "gradient", "update"},
		Caption: "moved: distance from the initial value, relative to its norm; * of a variable that starts at zeros, the distance itself · " +
			"gradient: its norm, on the next minibatch · update: of the next step, relative to the variable's norm",
	}
	if len(snapshots(runs)) == 0 {
		t.Caption = notProbed
	}
	for i, look := range appearances(runs) {
		at := snapshotsAt(runs[i], steps)
		if len(at) == 0 {
			continue
		}
		for k := range at[0].Parameters {
			for _, s := range at {
				p := s.Parameters[k]
				moved, update := plot.Short(p.Moved()), plot.Short(p.Ratio())
				if p.Initial == 0 {
					moved = plot.Short(p.Distance) + "*"
				}
				if p.Norm == 0 {
					update = "–"
				}
				t.Rows = append(t.Rows, []string{look.name, p.Name, plot.Short(p.Initial), fmt.Sprint(s.Step), moved, plot.Short(p.Gradient), update})
			}
		}
	}
	return t
}
