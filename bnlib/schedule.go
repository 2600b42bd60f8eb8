package bnlib

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"batchnorm/bnlib/backend"

	"github.com/gomlx/compute"
)

// maxLockstep is how many networks a program holds at most.
const maxLockstep = 16

// train trains the missing networks. How they are laid out over programs and cores changes nothing but the time it takes.
//
// On a processor each network has a program of its own and a share of the cores to itself: the products of a minibatch are
// so small that sharing one out among cores costs more than it gains, and a network's weights stay in the cache of its
// core. What does not fill the cores, and everything on a GPU, trains in lockstep: several networks in one program.
func (t *training) train(ctx context.Context) error {
	if t.total == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("bnlib: training not started: %w", err)
	}
	defer t.release()
	t.record(Compiling, nil)
	parts := backend.Split(t.options.Backend, len(t.missing))
	shared := t.missing
	if n := len(parts); n > 1 {
		even := len(t.missing) / n * n
		if err := t.spread(ctx, t.missing[:even], parts); err != nil {
			return err
		}
		shared = t.missing[even:]
	}
	for _, group := range lockstep(shared) {
		if err := t.interleave(ctx, t.options.Backend, [][]*job{group}); err != nil {
			return err
		}
	}
	t.share()
	t.record(Done, nil)
	return nil
}

// spread trains networks on parts of the machine, each with a program of its own.
func (t *training) spread(ctx context.Context, jobs []*job, parts []compute.Backend) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, len(parts))
	var group sync.WaitGroup
	for i, part := range parts {
		group.Go(func() {
			var own [][]*job
			for k := i; k < len(jobs); k += len(parts) {
				own = append(own, jobs[k:k+1])
			}
			if errs[i] = t.interleave(ctx, part, own); errs[i] != nil {
				cancel()
			}
		})
	}
	group.Wait()
	var first error
	for _, err := range errs {
		if err != nil && !errors.Is(err, context.Canceled) {
			return err // the others only stopped because of this one
		}
		if first == nil {
			first = err
		}
	}
	return first
}

// interleave trains groups of networks, each group in one program, a chunk of steps of one after a chunk of another's, so
// that all curves grow together.
func (t *training) interleave(ctx context.Context, on compute.Backend, groups [][]*job) error {
	var sessions []*session
	defer func() {
		for _, s := range sessions {
			s.program.finalize()
		}
	}()
	for _, group := range groups {
		s, err := t.open(ctx, on, group)
		if err != nil {
			return err
		}
		sessions = append(sessions, s)
	}
	for training := true; training; {
		training = false
		for _, s := range sessions {
			if s.over() {
				continue
			}
			if err := s.chunk(ctx); err != nil {
				return err
			}
			training = true
		}
	}
	return nil
}

// lockstep says which networks can share a program: those that agree in batch, steps and rhythm of evaluation. A network
// that draws random numbers while training has a program of its own, so that the others don't shift them.
func lockstep(jobs []*job) [][]*job {
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
			n := min(maxLockstep, len(all))
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
