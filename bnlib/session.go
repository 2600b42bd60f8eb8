package bnlib

import (
	"context"
	"fmt"
	"time"
)

// session is the training of one cohort of networks, from the first step to the last.
type session struct {
	*training
	*cohort
	jobs    []*job
	views   []view        // inside the networks where they are, see look
	steps   int           // of each network
	every   int           // steps between evaluations
	step    int           // done
	inSteps time.Duration // time spent on them
}

// longestCall bounds how long the device works without looking at the context.
const longestCall = 400 * time.Millisecond

func (t *training) open(jobs []*job) (*session, error) {
	blueprints := make([]*blueprint, len(jobs))
	for i, j := range jobs {
		blueprints[i] = j.blueprint
	}
	c, err := newCohort(blueprints, t.options.Data.Train.Len())
	if err != nil {
		return nil, fmt.Errorf("bnlib: %w", err)
	}
	first := jobs[0].network
	return &session{training: t, cohort: c, jobs: jobs, steps: first.Steps, every: first.Every}, nil
}

func (s *session) over() bool { return s.step == s.steps }

// advance trains up to the next evaluation, evaluates, and ends the session after its last step. At first it evaluates the
// networks as they are.
func (s *session) advance(ctx context.Context, p *program) error {
	if err := s.enter(p); err != nil {
		return fmt.Errorf("bnlib: %w", err)
	}
	if s.step == 0 {
		if err := s.evaluate(p); err != nil {
			return err
		}
	}
	if err := s.chunk(ctx, p); err != nil {
		return err
	}
	if err := s.evaluate(p); err != nil {
		return err
	}
	if err := s.leave(p); err != nil {
		return fmt.Errorf("bnlib: %w", err)
	}
	if s.over() {
		return s.finish(p)
	}
	return nil
}

// chunk makes the steps up to the next evaluation.
func (s *session) chunk(ctx context.Context, p *program) error {
	s.next()
	chunk := min(s.every, s.steps-s.step)
	for at := 0; at < chunk; {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("bnlib: training cancelled after step %d of %d: %w", s.step, s.steps, err)
		}
		n := min(chunk-at, s.callSteps(), s.untilLook(s.step+1)+1)
		start := time.Now()
		losses, err := p.steps(s.cohort, at, at+n)
		if err != nil {
			return fmt.Errorf("bnlib: training steps %d to %d: %w", s.step+1, s.step+n, err)
		}
		s.inSteps += time.Since(start)
		at, s.step = at+n, s.step+n
		s.take(start, losses, n)
		if at < chunk {
			if err := s.look(p); err != nil {
				return err
			}
			s.record(Training, s.jobs[0].run)
		}
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
func (s *session) evaluate(p *program) error {
	scores, err := p.scores(p.data.validation)
	if err != nil {
		return fmt.Errorf("bnlib: evaluating after step %d: %w", s.step, err)
	}
	s.mutex.Lock()
	for i, j := range s.jobs {
		j.run.Points = append(j.run.Points, Point{s.step, scores[i].loss, scores[i].accuracy})
	}
	s.mutex.Unlock()
	if err := s.look(p); err != nil {
		return err
	}
	s.record(Training, s.jobs[0].run)
	return nil
}

// finish tests the networks and stores their runs.
func (s *session) finish(p *program) error {
	scores, err := p.scores(p.data.test)
	if err != nil {
		return fmt.Errorf("bnlib: testing: %w", err)
	}
	for i, j := range s.jobs {
		weights, err := s.weights(i)
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
