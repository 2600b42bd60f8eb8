package bnlib

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"batchnorm/bnlib/backend"

	"github.com/gomlx/compute"
)

// maxLockstep is how many networks a program holds at most.
const maxLockstep = 16

// train trains the missing networks. How they are laid out over programs and cores changes nothing but the time it takes.
//
// On a processor each network trains alone, on one core at a time: the products of a minibatch are so small that sharing one
// out among cores costs more than it gains, and a network's weights stay in the cache of its core. On a GPU networks train in
// lockstep: several in one program.
func (t *training) train(ctx context.Context) error {
	if t.total == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("bnlib: training not started: %w", err)
	}
	defer t.release()
	t.record(Compiling, nil)
	parts := backend.Parts(t.options.Backend)
	parts = parts[:min(len(parts), len(t.missing))]
	most := 1
	if backend.OnGPU(t.options.Backend) {
		most = maxLockstep
	}
	c := crew{training: t}
	defer c.finalize()
	for _, jobs := range lockstep(t.missing, most) {
		s, err := t.open(jobs)
		if err != nil {
			return err
		}
		c.sessions = append(c.sessions, s)
	}
	c.idle = slices.Clone(c.sessions)
	if err := c.work(ctx, parts); err != nil {
		return err
	}
	t.share()
	t.record(Done, nil)
	return nil
}

// crew is the parts of a machine at work on sessions: each part takes a session that no other is at, trains it up to its next
// evaluation, puts it back and takes another, so that all curves grow together and no part waits for another.
type crew struct {
	*training
	sessions []*session

	mutex    sync.Mutex
	idle     []*session // not over, and nobody is at it
	programs []*program // of all parts
	err      error      // the first
}

// work returns when all sessions are over, or with the first error.
func (c *crew) work(ctx context.Context, parts []compute.Backend) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var group sync.WaitGroup
	for _, part := range parts {
		group.Go(func() {
			for s, p := c.take(part); s != nil; s, p = c.take(part) {
				err := p.compile(ctx)
				if err == nil {
					err = s.advance(ctx, p)
				}
				c.put(s, err)
				if err != nil {
					cancel() // the others stop too
					return
				}
			}
		})
	}
	group.Wait()
	return c.err
}

// reluctance is how many evaluations a session may lag behind others before a part compiles, to go on with it, a program that
// another part has already, and how many it must have left for that to pay.
const reluctance = 5

// take returns the session to go on with on a part of the machine, and its program, which may not be compiled yet: of those
// that are idle the one that has come least far. It returns nil if there is nothing left to do here.
func (c *crew) take(part compute.Backend) (*session, *program) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	var taken *session
	var program *program
	least := math.MaxInt
	for _, s := range c.idle {
		here, elsewhere := c.program(part, s.cohort)
		cost := 2 * s.step
		if here == nil && elsewhere {
			if s.steps-s.step <= reluctance*s.every {
				continue
			}
			cost += 2 * reluctance * s.every
		}
		if s.at != part {
			cost++ // its variables would have to move
		}
		if cost < least {
			least, taken, program = cost, s, here
		}
	}
	if taken == nil || c.err != nil {
		return nil, nil
	}
	if program == nil {
		program = newProgram(part, taken.cohort, c.resident(part))
		c.programs = append(c.programs, program)
	}
	c.idle = slices.DeleteFunc(c.idle, func(s *session) bool { return s == taken })
	return taken, program
}

// program returns the program that trains a cohort on a part, nil if it has none, and whether another part has one.
func (c *crew) program(part compute.Backend, of *cohort) (here *program, elsewhere bool) {
	for _, p := range c.programs {
		switch {
		case !p.trains(of):
		case p.backend == part:
			here = p
		default:
			elsewhere = true
		}
	}
	return here, elsewhere
}

// put takes a session back.
func (c *crew) put(s *session, err error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	switch {
	case err != nil && c.err == nil:
		c.err = err
	case err == nil && !s.over():
		c.idle = append(c.idle, s)
	}
}

// finalize frees what programs and sessions hold on the devices.
func (c *crew) finalize() {
	for _, p := range c.programs {
		p.finalize()
	}
	for _, s := range c.sessions {
		s.finalize()
	}
}

// lockstep says which networks can share a program: those that agree in batch, steps and rhythm of evaluation. A network
// that draws random numbers while training has a program of its own, so that the others don't shift them. most is how many a
// program holds at most.
func lockstep(jobs []*job, most int) [][]*job {
	type rhythm struct{ batch, steps, every, alone int }
	var order []rhythm
	byRhythm := map[rhythm][]*job{}
	for i, j := range jobs {
		r := rhythm{batch: j.network.Batch, steps: j.network.Steps, every: j.network.Every}
		if j.random {
			r.alone = i + 1
		}
		if byRhythm[r] == nil {
			order = append(order, r)
		}
		byRhythm[r] = append(byRhythm[r], j)
	}
	var groups [][]*job
	for _, r := range order {
		all := byRhythm[r]
		for len(all) > 0 {
			n := min(most, len(all))
			groups = append(groups, all[:n])
			all = all[n:]
		}
	}
	return groups
}

// resident returns the data as the programs of a backend share it.
func (t *training) resident(on compute.Backend) *resident {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.residents[on] == nil {
		t.residents[on] = newResident(t.options.Data)
	}
	return t.residents[on]
}

func (t *training) release() {
	t.lenses.finalize()
	for _, r := range t.residents {
		r.finalize()
	}
}

// record tells the recorder where the training stands; run is the one that was trained last, or nil.
func (t *training) record(stage Stage, run *Run) {
	if t.options.Recorder == nil {
		return
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	p := Progress{Stage: stage, Runs: t.runs, Done: t.done, Total: t.total, Elapsed: time.Since(t.start)}
	if run != nil {
		p.Step, p.Steps = len(run.Losses), run.Network.Steps
	}
	if t.done > 0 {
		p.StepsPerSecond = float64(t.done) / time.Since(t.firstStep).Seconds()
		p.Remaining = time.Duration(float64(t.total-t.done) / p.StepsPerSecond * float64(time.Second))
	}
	t.options.Recorder.Record(p)
}
