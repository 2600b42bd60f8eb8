package chart_test

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"testing"

	"batchnorm/bnlib"
	"batchnorm/bnlib/probe"
)

// Recordings of what a Probe saw in short trainings of the article's experiments; TestRecord's flags and commands hold here too.
var insideSteps = []int{0, 100, 250, 500, 1000, 1500, 2000, 2500, 3000, 4000, 5000, 6000}

// file: number of the article's experiment, and whether weights are kept
var insideRecordings = map[string]struct {
	number  int
	weights bool
}{
	"inside3": {3, false}, // without batch normalization, diverges
	"inside4": {4, true},
	"inside6": {6, false}, // saturated from the start
}

// keptUnits is how many units of the first layer, those with the largest weights, a recording keeps; the others are zero.
const keptUnits = 24

type insideRecording struct {
	About string      `json:"about"`
	Runs  []insideRun `json:"runs"`
}

type insideRun struct {
	BatchNorm  bool             `json:"batch_norm"`
	Status     bnlib.Status     `json:"status"`
	DivergedAt int              `json:"diverged_at"`
	Snapshots  []insideSnapshot `json:"snapshots"`
	Units      []int            `json:"units,omitempty"`
	Largest    float64          `json:"largest,omitempty"` // weight, in absolute value
	Weights    string           `json:"weights,omitempty"` // base64 of int16, [units, 784], in units of Largest/32767
}

type insideSnapshot struct {
	Step    int            `json:"step"`
	Images  int            `json:"images"`
	Signals []insideSignal `json:"signals"`
}

type insideSignal struct {
	Layer       string           `json:"layer"`
	Kind        probe.SignalKind `json:"kind"`
	Units       int              `json:"units"`
	Percentiles [5]*float64      `json:"percentiles"`
	Min         *float64         `json:"min"`
	Max         *float64         `json:"max"`
	Counts      []int            `json:"counts"`
	NotFinite   int              `json:"not_finite"`
}

func insideExperiment(number int) bnlib.Experiment {
	e := bnlib.Article(number)
	e.Steps = insideSteps[len(insideSteps)-1]
	return e
}

func TestRecordInside(t *testing.T) {
	if !*record {
		t.Skip("-record not given")
	}
	for name, what := range insideRecordings {
		e := insideExperiment(what.number)
		runs, err := bnlib.Compare(t.Context(), e, &bnlib.Options{
			Store: &bnlib.Store{Dir: t.TempDir()},
			Hooks: []probe.Hook{probe.Signals.At(insideSteps...), probe.Norms.At(insideSteps...)},
		})
		if err != nil {
			t.Fatal(err)
		}
		r := insideRecording{About: fmt.Sprintf("%s of the article, %d steps, trained on %s", e.Name, e.Steps, runs[0].Machine)}
		for _, run := range runs {
			one := insideRun{BatchNorm: isBatch(run.Network), Status: run.Status, DivergedAt: run.DivergedAt}
			for _, s := range run.Snapshots() {
				snapshot := insideSnapshot{Step: s.Step, Images: s.Images}
				for _, signal := range s.Signals {
					h := signal.Histogram
					kept := insideSignal{
						Layer: signal.Layer, Kind: signal.Kind, Units: signal.Units, NotFinite: signal.NotFinite,
						Min: nullable(h.Min), Max: nullable(h.Max), Counts: h.Counts,
					}
					for i, p := range signal.Percentiles {
						kept.Percentiles[i] = nullable(p)
					}
					snapshot.Signals = append(snapshot.Signals, kept)
				}
				one.Snapshots = append(one.Snapshots, snapshot)
			}
			if what.weights {
				one.keepWeights(run)
			}
			r.Runs = append(r.Runs, one)
		}
		write(t, name, r)
	}
}

func (one *insideRun) keepWeights(run *bnlib.Run) {
	w, _ := run.Weight("hidden_1/dense/weights")
	inputs, units := w.Dims[0], w.Dims[1]
	squares := make([]float64, units)
	all := make([]int, units)
	for u := range units {
		all[u] = u
		for i := range inputs {
			v := float64(w.Values[i*units+u])
			squares[u] += v * v
			one.Largest = max(one.Largest, math.Abs(v))
		}
	}
	slices.SortFunc(all, func(a, b int) int { return int(math.Copysign(1, squares[b]-squares[a])) })
	one.Units = all[:keptUnits]
	var raw []byte
	for _, u := range one.Units {
		for i := range inputs {
			v := math.Round(float64(w.Values[i*units+u]) / one.Largest * math.MaxInt16)
			raw = binary.LittleEndian.AppendUint16(raw, uint16(int16(v)))
		}
	}
	one.Weights = base64.StdEncoding.EncodeToString(raw)
}

// recordedInside returns the runs of testdata/name.json, without batch normalization first.
func recordedInside(name string) []*bnlib.Run {
	var r insideRecording
	read(name, &r)
	var runs []*bnlib.Run
	for _, one := range r.Runs {
		run := &bnlib.Run{Status: one.Status, DivergedAt: one.DivergedAt}
		run.Network = bnlib.Network{Experiment: insideExperiment(insideRecordings[name].number), Norm: normOf(one.BatchNorm)}
		var snapshots []probe.Snapshot
		for _, s := range one.Snapshots {
			snapshot := probe.Snapshot{Step: s.Step, Images: s.Images}
			for _, kept := range s.Signals {
				signal := probe.Signal{Layer: kept.Layer, Kind: kept.Kind, Images: s.Images, Units: kept.Units, NotFinite: kept.NotFinite}
				signal.Histogram = probe.Histogram{Min: number(kept.Min), Max: number(kept.Max), Counts: kept.Counts}
				for i, p := range kept.Percentiles {
					signal.Percentiles[i] = number(p)
				}
				snapshot.Signals = append(snapshot.Signals, signal)
			}
			snapshots = append(snapshots, snapshot)
		}
		see(run, snapshots)
		if one.Weights != "" {
			const inputs, units = 784, 128
			raw, err := base64.StdEncoding.DecodeString(one.Weights)
			if err != nil {
				panic(err)
			}
			w := bnlib.Weight{Name: "hidden_1/dense/weights", Dims: []int{inputs, units}, Trainable: true, Values: make([]float32, inputs*units)}
			for k, u := range one.Units {
				for i := range inputs {
					v := int16(binary.LittleEndian.Uint16(raw[2*(k*inputs+i):]))
					w.Values[i*units+u] = float32(float64(v) / math.MaxInt16 * one.Largest)
				}
			}
			run.Weights = []bnlib.Weight{w}
		}
		runs = append(runs, run)
	}
	return runs
}
