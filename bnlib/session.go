package bnlib

import (
	"context"
	"fmt"
	"time"

	"github.com/gomlx/compute"
)

// session is the training of one program's networks, from the first step to the last.
type session struct {
	*training
	views   []view // inside the networks, see look
	program *program
	jobs    []*job
	steps   int           // of each network
	every   int           // steps between evaluations
	step    int           // done
	inSteps time.Duration // time spent on them
}

// longestCall bounds how long the device works without looking at the context.
const longestCall = 400 * time.Millisecond

// open compiles the program of some networks and evaluates them before their first step.
func (t *training) open(ctx context.Context, on compute.Backend, jobs []*job) (*session, error) {
	blueprints := make([]*blueprint, len(jobs))
	for i, j := range jobs {
		blueprints[i] = j.blueprint
	}
	p, err := newProgram(on, blueprints, t.resident(on))
	if err != nil {
		return nil, fmt.Errorf("bnlib: %w", err)
	}
	compiled := make(chan error, 1)
	go func() { compiled <- p.compile() }()
	select {
	case <-ctx.Done():
		go func() { <-compiled; p.finalize() }()
		return nil, fmt.Errorf("bnlib: training cancelled while compiling: %w", ctx.Err())
	case err = <-compiled:
	}
	first := jobs[0].network
	s := &session{training: t, program: p, jobs: jobs, steps: first.Steps, every: first.Every}
	if err == nil {
		err = s.evaluate()
	}
	if err != nil {
		p.finalize()
		return nil, fmt.Errorf("bnlib: compiling: %w", err)
	}
	return s, nil
}

func (s *session) over() bool { return s.step == s.steps }

// chunk trains up to the next evaluation, evaluates, and ends the session after its last step.
func (s *session) chunk(ctx context.Context) error {
	s.program.next()
	chunk := min(s.every, s.steps-s.step)
	for at := 0; at < chunk; {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("bnlib: training cancelled after step %d of %d: %w", s.step, s.steps, err)
		}
		n := min(chunk-at, s.callSteps(), s.untilLook(s.step+1)+1)
		start := time.Now()
		losses, err := s.program.steps(at, at+n)
		if err != nil {
			return fmt.Errorf("bnlib: training steps %d to %d: %w", s.step+1, s.step+n, err)
		}
		s.inSteps += time.Since(start)
		at, s.step = at+n, s.step+n
		s.take(start, losses, n)
		if at < chunk {
			if err := s.look(); err != nil {
				return err
			}
			s.record(Training, s.jobs[0].run)
		}
	}
	if err := s.evaluate(); err != nil {
		return err
	}
	if s.over() {
		return s.finish()
	}
	return nil
}

// callSteps says how many steps to give the device at once: at first a few, to learn how long a step takes.
func (s *session) callSteps() int {
	if s.step == 0 {
		return 4
	}
	perStep := max(s.inSteps/time.Duration(s.step), time.Nanosecond)
	return int(max(1, longestCall/perStep))
}

// take adds the training losses of n steps, [n][networks], to the runs.
func (s *session) take(start time.Time, losses []float32, n int) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.training.done == 0 {
		s.firstStep = start
	}
	s.training.done += n * len(s.jobs)
	for i, j := range s.jobs {
		for k := i; k < len(losses); k += len(s.jobs) {
			j.run.Losses = append(j.run.Losses, losses[k])
			if j.run.DivergedAt == 0 && !finite(float64(losses[k])) {
				j.run.DivergedAt = len(j.run.Losses)
			}
		}
		j.run.StepsPerSecond = float64(s.step) / s.inSteps.Seconds()
		j.run.Lockstep = len(s.jobs)
	}
}

// evaluate adds a point to the runs.
func (s *session) evaluate() error {
	scores, err := s.program.scores(s.program.data.validation)
	if err != nil {
		return fmt.Errorf("bnlib: evaluating after step %d: %w", s.step, err)
	}
	s.mutex.Lock()
	for i, j := range s.jobs {
		j.run.Points = append(j.run.Points, Point{s.step, scores[i].loss, scores[i].accuracy})
	}
	s.mutex.Unlock()
	if err := s.look(); err != nil {
		return err
	}
	s.record(Training, s.jobs[0].run)
	return nil
}

// finish tests the networks and stores their runs.
func (s *session) finish() error {
	scores, err := s.program.scores(s.program.data.test)
	if err != nil {
		return fmt.Errorf("bnlib: testing: %w", err)
	}
	for i, j := range s.jobs {
		weights, err := s.program.weights(i)
		if err != nil {
			return fmt.Errorf("bnlib: reading weights: %w", err)
		}
		s.mutex.Lock()
		j.run.Weights = weights
		j.run.Test, j.run.Answers = scores[i].accuracy, scores[i].answers
		j.run.Finished = time.Now()
		j.run.Status = Finished
		if j.run.DivergedAt > 0 {
			j.run.Status = Diverged
		}
		s.mutex.Unlock()
		if err := s.options.Store.Save(j.run); err != nil {
			return err
		}
	}
	return nil
}
