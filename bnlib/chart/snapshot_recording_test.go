package chart_test

import (
	"fmt"
	"strconv"
	"testing"

	"batchnorm/bnlib"
	"batchnorm/bnlib/probe"
)

// probings are recordings of short trainings with a probe: file → number of the article's experiment.
var probings = map[string]int{"probe1": 1, "probe4": 4, "probe7": 7}

var probedSteps = []int{0, 50, 100, 200, 500, 1000, 1500, 2000, 3000, 4000, 5000, 6000}

type probing struct {
	About string      `json:"about"`
	Steps int         `json:"steps"`
	Runs  []probedRun `json:"runs"`
}

type probedRun struct {
	BatchNorm  bool             `json:"batch_norm"`
	Status     bnlib.Status     `json:"status"`
	DivergedAt int              `json:"diverged_at"`
	Points     [][3]*float64    `json:"points"` // step, loss, accuracy; null: not finite
	Snapshots  []probedSnapshot `json:"snapshots"`
}

type probedSnapshot struct {
	Step       int               `json:"step"`
	Images     int               `json:"images"`
	Loss       *float64          `json:"loss"`
	Signals    []probedSignal    `json:"signals"`
	Parameters []probedParameter `json:"parameters"`
}

type probedSignal struct {
	Layer       string           `json:"layer"`
	Kind        probe.SignalKind `json:"kind"`
	Units       int              `json:"units"`
	Mean        *float64         `json:"mean"`
	Std         *float64         `json:"std"`
	Percentiles [5]*float64      `json:"percentiles"`
	Bounds      [2]*float64      `json:"bounds"` // of the histogram
	Counts      []int            `json:"counts"`
	NotFinite   int              `json:"not_finite"`
	Saturated   *float64         `json:"saturated"`
	Dead        *float64         `json:"dead"`
}

type probedParameter struct {
	Name  string      `json:"name"`
	Sizes [3]*float64 `json:"sizes"` // norm, gradient, update
}

// significant keeps six digits of a number, which is more than a picture shows.
func significant(x float64) *float64 {
	if p := nullable(x); p == nil {
		return nil
	}
	short, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 6, 64), 64)
	if err != nil {
		panic(err)
	}
	return &short
}

func TestRecordProbes(t *testing.T) {
	if !*record {
		t.Skip("-record not given")
	}
	for name, experiment := range probings {
		e := bnlib.Article(experiment)
		e.Steps = probedSteps[len(probedSteps)-1]
		runs, err := bnlib.Compare(t.Context(), e, &bnlib.Options{
			Store: &bnlib.Store{Dir: t.TempDir()}, Hooks: []probe.Hook{probe.Signals.At(probedSteps...), probe.Norms.At(probedSteps...)},
		})
		if err != nil {
			t.Fatal(err)
		}
		r := probing{About: fmt.Sprintf("%s of the article, trained on %s", e.Name, runs[0].Machine), Steps: e.Steps}
		for _, run := range runs {
			r.Runs = append(r.Runs, newProbedRun(run))
		}
		write(t, name, r)
	}
}

func newProbedRun(run *bnlib.Run) probedRun {
	one := probedRun{
		BatchNorm: isBatch(run.Network), Status: run.Status, DivergedAt: run.DivergedAt, Points: recordedPoints(run),
	}
	for _, s := range run.Snapshots() {
		one.Snapshots = append(one.Snapshots, newProbedSnapshot(s))
	}
	return one
}

func recordedPoints(run *bnlib.Run) [][3]*float64 {
	var out [][3]*float64
	for _, p := range run.Points {
		out = append(out, [3]*float64{nullable(float64(p.Step)), significant(p.Loss), nullable(p.Accuracy)})
	}
	return out
}

func points(recorded [][3]*float64) []bnlib.Point {
	var out []bnlib.Point
	for _, p := range recorded {
		out = append(out, bnlib.Point{Step: int(number(p[0])), Loss: number(p[1]), Accuracy: number(p[2])})
	}
	return out
}

func newProbedSnapshot(s probe.Snapshot) probedSnapshot {
	snapshot := probedSnapshot{Step: s.Step, Images: s.Images, Loss: significant(s.Loss)}
	for _, g := range s.Signals {
		signal := probedSignal{
			Layer: g.Layer, Kind: g.Kind, Units: g.Units, Mean: significant(g.Mean), Std: significant(g.Std),
			Bounds: [2]*float64{significant(g.Histogram.Min), significant(g.Histogram.Max)}, Counts: g.Histogram.Counts,
			NotFinite: g.NotFinite, Saturated: significant(g.Saturated), Dead: significant(g.Dead),
		}
		for i, p := range g.Percentiles {
			signal.Percentiles[i] = significant(p)
		}
		snapshot.Signals = append(snapshot.Signals, signal)
	}
	for _, p := range s.Parameters {
		sizes := [3]*float64{significant(p.Norm), significant(p.Gradient), significant(p.Update)}
		snapshot.Parameters = append(snapshot.Parameters, probedParameter{p.Name, sizes})
	}
	return snapshot
}

// probed returns the runs of testdata/name.json, without batch normalization first.
func probed(name string) []*bnlib.Run {
	var r probing
	read(name, &r)
	var runs []*bnlib.Run
	for _, one := range r.Runs {
		run := &bnlib.Run{Status: one.Status, DivergedAt: one.DivergedAt}
		run.Network.Experiment, run.Network.Norm = bnlib.Article(probings[name]), normOf(one.BatchNorm)
		run.Network.Steps = r.Steps
		run.Points = points(one.Points)
		var snapshots []probe.Snapshot
		for _, s := range one.Snapshots {
			snapshots = append(snapshots, s.snapshot())
		}
		runs = append(runs, see(run, snapshots))
	}
	return runs
}

func (s probedSnapshot) snapshot() probe.Snapshot {
	snapshot := probe.Snapshot{Step: s.Step, Images: s.Images, Loss: number(s.Loss)}
	for _, g := range s.Signals {
		signal := probe.Signal{
			Layer: g.Layer, Kind: g.Kind, Images: s.Images, Units: g.Units, Mean: number(g.Mean), Std: number(g.Std),
			Histogram: probe.Histogram{Min: number(g.Bounds[0]), Max: number(g.Bounds[1]), Counts: g.Counts},
			NotFinite: g.NotFinite, Saturated: number(g.Saturated), Dead: number(g.Dead),
		}
		for i, p := range g.Percentiles {
			signal.Percentiles[i] = number(p)
		}
		snapshot.Signals = append(snapshot.Signals, signal)
	}
	for _, p := range s.Parameters {
		snapshot.Parameters = append(snapshot.Parameters, probe.ParameterSizes{
			Name: p.Name, Norm: number(p.Sizes[0]), Gradient: number(p.Sizes[1]), Update: number(p.Sizes[2]),
		})
	}
	return snapshot
}
