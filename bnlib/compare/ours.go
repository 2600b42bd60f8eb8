package main

import (
	"context"
	"os"
	"time"

	"batchnorm/bnlib"
	"batchnorm/data"

	"github.com/gomlx/compute"
)

// trainOurs trains the job's networks with bnlib.Train.
func trainOurs(j job, on compute.Backend, d *data.Dataset) (trainer, error) {
	return func(steps int) (answer, [][]float32, error) {
		networks, err := j.networks(steps)
		if err != nil {
			return answer{}, nil, err
		}
		dir, err := os.MkdirTemp("", "batchnorm-compare-runs-")
		if err != nil {
			return answer{}, nil, err
		}
		defer os.RemoveAll(dir)
		watch := stopwatch{called: time.Now()}
		runs, err := bnlib.Train(context.Background(), networks, &bnlib.Options{
			Backend: on, Data: d, Store: &bnlib.Store{Dir: dir}, Fresh: true, Recorder: &watch,
		})
		if err != nil {
			return answer{}, nil, err
		}
		var losses [][]float32
		for _, run := range runs {
			losses = append(losses, run.Losses)
		}
		return answer{Ready: watch.compiling().Seconds(), Seconds: watch.training().Seconds()}, losses, nil
	}, nil
}

// stopwatch times a call of Train: what it compiles apart from what it trains. Training begins with the last evaluation before any
// step, and ends with the last of all. Where networks compile side by side, what the slower of them takes longer counts as
// training, and so do the tests of networks that end before the last.
type stopwatch struct{ called, first, last time.Time }

// Record implements bnlib.Recorder.
func (s *stopwatch) Record(p bnlib.Progress) {
	if p.Done == 0 {
		s.first = time.Now()
	}
	if p.Stage == bnlib.Training {
		s.last = time.Now()
	}
}

func (s *stopwatch) compiling() time.Duration { return s.first.Sub(s.called) }
func (s *stopwatch) training() time.Duration  { return s.last.Sub(s.first) }
