package chart_test

import (
	"fmt"
	"testing"

	"batchnorm/bnlib"
)

// A recording of the article's eight experiments, short, with a few seeds; TestRecord's flags and commands hold here too.
const (
	eightSeeds = 3
	eightSteps = 1500
	eightEvery = 250
)

type eightRecording struct {
	About string     `json:"about"`
	Runs  []eightRun `json:"runs"` // in the order of the experiments, then the seeds, without batch normalization first
}

type eightRun struct {
	Experiment int           `json:"experiment"`
	Seed       uint64        `json:"seed"`
	BatchNorm  bool          `json:"batch_norm"`
	Status     bnlib.Status  `json:"status"`
	DivergedAt int           `json:"diverged_at"`
	Test       float64       `json:"test"`
	Answers    []int         `json:"answers"`
	Training   *float64      `json:"training_loss"` // mean of the last 1000 steps; null: not finite
	Points     [][3]*float64 `json:"points"`        // step, loss, accuracy; null: not finite
}

func TestRecordEight(t *testing.T) {
	if !*record {
		t.Skip("-record not given")
	}
	study, err := bnlib.Study(t.Context(), shortArticle(eightSteps, eightEvery), eightSeeds, &bnlib.Options{Store: &bnlib.Store{Dir: t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	r := eightRecording{About: fmt.Sprintf("the article's experiments, %d steps, %d seeds, trained on %s", eightSteps, eightSeeds, study[0].Plain[0].Machine)}
	for i, replicates := range study {
		for k := range eightSeeds {
			for _, run := range []*bnlib.Run{replicates.Plain[k], replicates.BatchNorm[k]} {
				one := eightRun{
					Experiment: i + 1, Seed: run.Network.Seed, BatchNorm: isBatch(run.Network),
					Status: run.Status, DivergedAt: run.DivergedAt, Test: run.Test, Answers: run.Answers[:],
				}
				sum := 0.0
				for _, loss := range run.Losses[eightSteps-1000:] {
					sum += float64(loss)
				}
				one.Training = nullable(sum / 1000)
				for _, p := range run.Points {
					one.Points = append(one.Points, [3]*float64{nullable(float64(p.Step)), nullable(p.Loss), nullable(p.Accuracy)})
				}
				r.Runs = append(r.Runs, one)
			}
		}
	}
	write(t, "eight", r)
}

// recordedEight returns the experiments of testdata/eight.json by their numbers. All training losses of a run are the mean of
// the last.
func recordedEight() map[int]bnlib.Replicates {
	var r eightRecording
	read("eight", &r)
	experiments := shortArticle(eightSteps, eightEvery)
	study := map[int]bnlib.Replicates{}
	for _, one := range r.Runs {
		e := experiments[one.Experiment-1]
		replicates := study[one.Experiment]
		replicates.Experiment = e
		e.Seed = one.Seed
		run := &bnlib.Run{Status: one.Status, DivergedAt: one.DivergedAt, Test: one.Test, Lockstep: 2, Losses: make([]float32, e.Steps)}
		run.Network = bnlib.Network{Experiment: e, Norm: normOf(one.BatchNorm)}
		copy(run.Answers[:], one.Answers)
		for i := range run.Losses {
			run.Losses[i] = float32(number(one.Training))
		}
		for _, p := range one.Points {
			run.Points = append(run.Points, bnlib.Point{Step: int(number(p[0])), Loss: number(p[1]), Accuracy: number(p[2])})
		}
		if one.BatchNorm {
			replicates.BatchNorm = append(replicates.BatchNorm, run)
		} else {
			replicates.Plain = append(replicates.Plain, run)
		}
		study[one.Experiment] = replicates
	}
	return study
}
