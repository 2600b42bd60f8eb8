package chart_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"batchnorm/bnlib"
	"batchnorm/bnlib/probe"
)

// What the tests draw are recordings of real trainings, in testdata. To take them anew:
//
//	go test ./bnlib/chart -run Record -record && go test ./bnlib/chart -update
var record = flag.Bool("record", false, "train what is recorded anew (a few minutes) and write testdata/*.json")

var recordings = map[string]int{"experiment1": 1, "experiment7": 7} // file: number of the article's experiment

// recording is a pair on disk. Of the training losses it holds the means that figures draw.
type recording struct {
	About string        `json:"about"`
	Runs  []recordedRun `json:"runs"`
}

type recordedRun struct {
	BatchNorm      bool          `json:"batch_norm"`
	Status         bnlib.Status  `json:"status"`
	DivergedAt     int           `json:"diverged_at"`
	Test           float64       `json:"test"`
	StepsPerSecond float64       `json:"steps_per_second"`
	Lockstep       int           `json:"lockstep"`
	Points         [][3]*float64 `json:"points"` // step, loss, accuracy; null: not finite
	TrainingLosses []*float64    `json:"training_losses"`
	Experiment     struct {
		Name         string  `json:"name"`
		InitStd      float64 `json:"init_std"`
		LearningRate float64 `json:"learning_rate"`
		Batch        int     `json:"batch"`
		Steps        int     `json:"steps"`
		Every        int     `json:"every"`
		Seed         uint64  `json:"seed"`
	} `json:"experiment"`
}

func nullable(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}

func number(x *float64) float64 {
	if x == nil {
		return math.NaN()
	}
	return *x
}

func TestRecord(t *testing.T) {
	if !*record {
		t.Skip("-record not given")
	}
	for name, number := range recordings {
		e := bnlib.Article(number)
		runs, err := bnlib.Compare(t.Context(), e, &bnlib.Options{Store: &bnlib.Store{Dir: t.TempDir()}})
		if err != nil {
			t.Fatal(err)
		}
		r := recording{About: fmt.Sprintf("%s of the article, trained on %s", e.Name, runs[0].Machine)}
		for _, run := range runs {
			one := recordedRun{
				BatchNorm: isBatch(run.Network), Status: run.Status, DivergedAt: run.DivergedAt, Test: run.Test,
				StepsPerSecond: run.StepsPerSecond, Lockstep: run.Lockstep,
			}
			x := &one.Experiment
			x.Name, x.InitStd, x.LearningRate, x.Batch = e.Name, e.InitStd, e.LearningRate, e.Batch
			x.Steps, x.Every, x.Seed = e.Steps, e.Every, e.Seed
			for _, p := range run.Points {
				one.Points = append(one.Points, [3]*float64{nullable(float64(p.Step)), nullable(p.Loss), nullable(p.Accuracy)})
			}
			for start := 0; start < len(run.Losses); start += e.Every {
				sum, end := 0.0, min(start+e.Every, len(run.Losses))
				for _, loss := range run.Losses[start:end] {
					sum += float64(loss)
				}
				one.TrainingLosses = append(one.TrainingLosses, nullable(sum/float64(end-start)))
			}
			r.Runs = append(r.Runs, one)
		}
		out, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		out = bytes.ReplaceAll(out, []byte("],["), []byte("],\n["))
		if err := os.WriteFile(filepath.Join("testdata", name+".json"), append(out, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// recorded returns the runs of testdata/name.json, without batch normalization first.
func recorded(name string) []*bnlib.Run {
	file, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		panic(err)
	}
	var r recording
	if err := json.Unmarshal(file, &r); err != nil {
		panic(err)
	}
	var runs []*bnlib.Run
	for _, one := range r.Runs {
		run := &bnlib.Run{
			Status: one.Status, DivergedAt: one.DivergedAt, Test: one.Test,
			StepsPerSecond: one.StepsPerSecond, Lockstep: one.Lockstep,
		}
		run.Network.Norm = normOf(one.BatchNorm)
		e := bnlib.Article(recordings[name])
		x := one.Experiment
		e.Name, e.InitStd, e.LearningRate, e.Batch = x.Name, x.InitStd, x.LearningRate, x.Batch
		e.Steps, e.Every, e.Seed = x.Steps, x.Every, x.Seed
		run.Network.Experiment = e
		for _, p := range one.Points {
			run.Points = append(run.Points, bnlib.Point{Step: int(number(p[0])), Loss: number(p[1]), Accuracy: number(p[2])})
		}
		for i, mean := range one.TrainingLosses {
			for range min(x.Every, x.Steps-i*x.Every) {
				run.Losses = append(run.Losses, float32(number(mean)))
			}
		}
		runs = append(runs, run)
	}
	return runs
}

func normOf(batchNorm bool) bnlib.Norm {
	if batchNorm {
		return bnlib.Batch
	}
	return bnlib.None
}

func isBatch(n bnlib.Network) bool { return n.Norm.Equal(bnlib.Batch) }

// see gives a run the histories of which Run.Snapshots makes snapshots, and returns it. They all have the same variables.
func see(run *bnlib.Run, snapshots []probe.Snapshot) *bnlib.Run {
	signals, norms := &probe.History{}, &probe.History{}
	for i, s := range snapshots {
		signals.Steps, norms.Steps = append(signals.Steps, s.Step), append(norms.Steps, s.Step)
		var seen [][]float64
		for k, g := range s.Signals {
			if 2*k == len(signals.Names) {
				signals.Names = append(signals.Names, g.Layer+" "+g.Kind.String(), g.Layer+" "+g.Kind.String()+" across images")
			}
			numbers := []float64{float64(g.Images), float64(g.Units), g.Mean, g.Std}
			numbers = append(numbers, g.Percentiles[:]...)
			numbers = append(numbers, g.Histogram.Min, g.Histogram.Max, float64(g.NotFinite), g.Saturated, g.Dead)
			for _, n := range g.Histogram.Counts {
				numbers = append(numbers, float64(n))
			}
			seen = append(seen, numbers, []float64{g.OverImages, g.Cosine})
		}
		sizes := [][]float64{{s.Loss}}
		if i == 0 {
			norms.Names = []string{"loss"}
		}
		for _, p := range s.Parameters {
			if i == 0 {
				norms.Names = append(norms.Names, p.Name+" norm", p.Name+" initial norm", p.Name+" distance", p.Name+" gradient")
			}
			sizes = append(sizes, []float64{p.Norm}, []float64{p.Initial}, []float64{p.Distance}, []float64{p.Gradient})
		}
		signals.Values, norms.Values = append(signals.Values, seen), append(norms.Values, sizes)
	}
	run.Seen = map[string]*probe.History{probe.Signals.Name: signals, probe.Norms.Name: norms}
	return run
}

// until returns runs as they were after the given number of steps.
func until(step int, runs []*bnlib.Run) []*bnlib.Run {
	var out []*bnlib.Run
	for _, run := range runs {
		early := *run
		early.Points = nil
		for _, p := range run.Points {
			if p.Step <= step {
				early.Points = append(early.Points, p)
			}
		}
		early.Losses = run.Losses[:max(0, min(step, len(run.Losses)))]
		early.Test, early.StepsPerSecond = 0, 0
		if early.DivergedAt > step {
			early.DivergedAt = 0
		}
		out = append(out, &early)
	}
	return out
}
