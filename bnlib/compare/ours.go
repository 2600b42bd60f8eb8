package main

import (
	"context"
	"os"
	"time"

	"batchnorm/bnlib"
	"batchnorm/bnlib/backend"
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
		watch := stopwatch{cores: len(backend.Parts(on)), called: time.Now()}
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

// stopwatch times a call of Train: what it compiles apart from what it trains. Where each network has a core of its own, training is
// the longest time from a network's evaluation before its first step to its last one, as it is in a peer with a process for each:
// networks compile side by side, and what one of them takes longer is no training of the other's. Else it goes from the last
// evaluation before any step to the last of all, and the tests of networks that end before the last count.
type stopwatch struct {
	cores       int
	called      time.Time
	first, last []time.Time // evaluation of each network
	points      []int       // how many there were
	before, end time.Time   // the last evaluation before any step, and the last of all
}

// Record implements bnlib.Recorder.
func (s *stopwatch) Record(p bnlib.Progress) {
	now := time.Now()
	if s.points == nil {
		n := len(p.Runs)
		s.first, s.last, s.points = make([]time.Time, n), make([]time.Time, n), make([]int, n)
	}
	for i, run := range p.Runs {
		if n := len(run.Points); n > s.points[i] {
			s.points[i], s.last[i] = n, now
			if n == 1 {
				s.first[i] = now
			}
		}
	}
	if p.Done == 0 {
		s.before = now
	}
	if p.Stage == bnlib.Training {
		s.end = now
	}
}

func (s *stopwatch) compiling() time.Duration { return s.before.Sub(s.called) }

func (s *stopwatch) training() time.Duration {
	if len(s.first) > s.cores {
		return s.end.Sub(s.before)
	}
	longest := time.Duration(0)
	for i := range s.first {
		longest = max(longest, s.last[i].Sub(s.first[i]))
	}
	return longest
}
