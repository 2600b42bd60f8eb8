package bnlib

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"batchnorm/bnlib/backend"
	"batchnorm/data"

	"github.com/gomlx/compute"
)

// Options says how to train. Nil, and the zero value of each field, stand for the default.
type Options struct {
	Backend  compute.Backend // default: backend.Open
	Data     *data.Dataset   // default: MNIST
	Store    *Store          // where runs are kept and found again; default: DefaultStore
	Fresh    bool            // train even what the store has, and store it anew
	Recorder Recorder        // watches; default: nobody
}

// Recorder watches a training as it runs: a live chart, a progress bar, a log.
type Recorder interface {
	// Record is called when a program starts to compile, at every evaluation and some times between, and at the end; never
	// if every run comes from the store. It must not keep p.Runs, which grow between calls.
	Record(p Progress)
}

// Progress is the state of a call of Train.
type Progress struct {
	Stage          Stage
	Runs           []*Run        // of all networks asked for, in their order, as they are so far
	Step, Steps    int           // of the networks in training now
	Done, Total    int           // network-steps of the whole call; what came from the store does not count
	Elapsed        time.Duration // since the call
	Remaining      time.Duration // estimate; 0 while there is none
	StepsPerSecond float64       // network-steps per second of the current program
}

// Stage says what a Train is doing.
type Stage int

const (
	Compiling Stage = iota
	Training
	Done
)

// Compare trains the two networks of an experiment, first without and then with batch normalization, in lockstep: from the
// same initial weights, on the same minibatches. See Train.
func Compare(ctx context.Context, e Experiment, options *Options) ([]*Run, error) {
	if e.Model != nil {
		return nil, errors.New("bnlib: Compare: Experiment.Model is set; allowed: nil, since Compare builds both networks itself (give networks of your own to Train)")
	}
	return Train(ctx, e.Pair(), options)
}

// Train returns the runs of the given networks, in their order: from the store those that it has, the others trained now,
// in lockstep where steps, batch and rhythm of evaluation agree, and stored as soon as they are done.
//
// A network's losses and accuracies do not depend on which others train beside it. A diverging network is a result: its run
// says so in Status. An experiment that cannot be trained, a model function that fails, or a backend that does give an
// error. If ctx ends, Train returns within about a second with an error that wraps ctx's and with what there is: runs
// that were done and, with Status Cancelled, the others as far as they came, which are not stored.
func Train(ctx context.Context, networks []Network, options *Options) ([]*Run, error) {
	t, err := newTraining(networks, options)
	if err != nil {
		return nil, err
	}
	for _, group := range t.groups() {
		if err := t.train(ctx, group); err != nil {
			if ctx.Err() != nil {
				t.cancel()
				return t.runs, err
			}
			return nil, err
		}
	}
	if t.total > 0 {
		t.record(Done, nil, 0)
	}
	return t.runs, nil
}

// training is one call of Train.
type training struct {
	options  Options
	networks []Network
	runs     []*Run
	missing  []*job // what the store does not have
	start    time.Time
	done     int // network-steps
	total    int
}

// job is a network to train and the runs that wait for it (more than one if a call names a network twice).
type job struct {
	*blueprint
	run *Run
	as  []int // positions in training.runs
}

func newTraining(networks []Network, options *Options) (*training, error) {
	t := &training{start: time.Now(), runs: make([]*Run, len(networks))}
	if options != nil {
		t.options = *options
	}
	if len(networks) == 0 {
		return nil, errors.New("bnlib: Train: networks is empty; allowed: one or more")
	}
	checksum, trainImages := data.MNISTChecksum, 0
	if d := t.options.Data; d != nil {
		checksum, trainImages = d.Checksum, d.Train.Len()
	}
	var err error
	for _, n := range networks {
		if err := n.Validate(trainImages); err != nil {
			return nil, err
		}
	}
	if t.options.Store == nil {
		if t.options.Store, err = DefaultStore(); err != nil {
			return nil, err
		}
	}
	if t.options.Backend == nil {
		if t.options.Backend, err = backend.Open(); err != nil {
			return nil, err
		}
	}
	name := backend.Name(t.options.Backend)
	jobs := map[string]*job{}
	for i, n := range networks {
		n.Experiment = n.Complete().shorten()
		t.networks = append(t.networks, n)
		b, err := draw(t.options.Backend, n)
		if err != nil {
			return nil, err
		}
		key := b.key(name, checksum)
		if j := jobs[key]; j != nil {
			j.as = append(j.as, i)
			continue
		}
		if !t.options.Fresh {
			if run, err := t.options.Store.Load(key); err == nil {
				run.Network = n
				t.runs[i] = run
				continue
			}
		}
		t.runs[i] = &Run{Network: n, Key: key, Backend: name, Status: Running, Test: math.NaN()}
		j := &job{blueprint: b, run: t.runs[i], as: []int{i}}
		jobs[key] = j
		t.missing = append(t.missing, j)
		t.total += n.Steps
	}
	t.share()
	if len(t.missing) > 0 && t.options.Data == nil {
		if t.options.Data, err = data.MNIST(); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// share gives each network that the call names again the run of the first, as its own.
func (t *training) share() {
	for _, j := range t.missing {
		for _, i := range j.as[1:] {
			again := *j.run
			again.Network = t.networks[i]
			t.runs[i] = &again
		}
	}
}

// cancel marks the runs that were not done.
func (t *training) cancel() {
	t.share()
	for _, run := range t.runs {
		if run.Status == Running {
			run.Status = Cancelled
		}
	}
}

// maxLockstep is how many networks a program holds at most.
const maxLockstep = 16

// groups says which networks train in one program: those that agree in batch, steps and rhythm of evaluation. A network
// that draws random numbers while training has a program of its own, so that the others don't shift them.
func (t *training) groups() [][]*job {
	type rhythm struct{ batch, steps, every, alone int }
	var order []rhythm
	byRhythm := map[rhythm][]*job{}
	for i, j := range t.missing {
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

// longestCall bounds how long the device works without looking at the context.
const longestCall = 400 * time.Millisecond

func (t *training) train(ctx context.Context, group []*job) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("bnlib: training not started: %w", err)
	}
	t.record(Compiling, group, 0)
	blueprints := make([]*blueprint, len(group))
	for i, j := range group {
		blueprints[i] = j.blueprint
	}
	p, err := newProgram(t.options.Backend, blueprints, &t.options.Data.Train)
	if err != nil {
		return fmt.Errorf("bnlib: %w", err)
	}
	compiled := make(chan error, 1)
	go func() { compiled <- p.compile() }()
	select {
	case <-ctx.Done():
		go func() { <-compiled; p.finalize() }()
		return fmt.Errorf("bnlib: training cancelled while compiling: %w", ctx.Err())
	case err := <-compiled:
		defer p.finalize()
		if err != nil {
			return fmt.Errorf("bnlib: compiling: %w", err)
		}
	}
	return t.loop(ctx, group, p)
}

// loop trains a compiled program from its first step to its last.
func (t *training) loop(ctx context.Context, group []*job, p *program) error {
	e := group[0].network.Experiment
	validation := t.options.Data.Validation
	evaluate := func(step int) error {
		scores, err := p.scores(&validation, validation.Len())
		if err != nil {
			return fmt.Errorf("bnlib: evaluating after step %d: %w", step, err)
		}
		for i, j := range group {
			j.run.Points = append(j.run.Points, Point{step, scores[i].loss, scores[i].accuracy})
		}
		t.record(Training, group, step)
		return nil
	}
	if err := evaluate(0); err != nil {
		return err
	}
	var inSteps time.Duration
	for step := 0; step < e.Steps; {
		p.next()
		chunk := min(e.Every, e.Steps-step)
		for at := 0; at < chunk; {
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("bnlib: training cancelled after step %d of %d: %w", step, e.Steps, err)
			}
			n := min(chunk-at, callSteps(inSteps, step))
			start := time.Now()
			losses, err := p.steps(at, at+n)
			inSteps += time.Since(start)
			if err != nil {
				return fmt.Errorf("bnlib: training step %d to %d: %w", step+1, step+n, err)
			}
			for i, j := range group {
				j.run.take(losses, i, len(group))
				j.run.StepsPerSecond = float64(step+n) / inSteps.Seconds()
				j.run.Lockstep = len(group)
			}
			at, step = at+n, step+n
			t.done += n * len(group)
			if at < chunk {
				t.record(Training, group, step)
			}
		}
		if err := evaluate(step); err != nil {
			return err
		}
	}
	scores, err := p.scores(&t.options.Data.Test, validation.Len())
	if err != nil {
		return fmt.Errorf("bnlib: testing: %w", err)
	}
	for i, j := range group {
		j.run.Test = scores[i].accuracy
		j.run.Status = Finished
		if j.run.DivergedAt > 0 {
			j.run.Status = Diverged
		}
		j.run.Finished = time.Now()
		if j.run.Weights, err = p.weights(i); err != nil {
			return fmt.Errorf("bnlib: reading weights: %w", err)
		}
		if err := t.options.Store.Save(j.run); err != nil {
			return err
		}
	}
	t.share()
	return nil
}

// callSteps says how many steps to give the device at once: at first a few, to learn how long a step takes.
func callSteps(inSteps time.Duration, steps int) int {
	if steps == 0 {
		return 4
	}
	perStep := max(inSteps/time.Duration(steps), time.Nanosecond)
	return int(max(1, longestCall/perStep))
}

// take appends the losses of network i of n, of the steps in losses.
func (r *Run) take(losses []float32, i, n int) {
	for ; i < len(losses); i += n {
		r.Losses = append(r.Losses, losses[i])
		if r.DivergedAt == 0 && !finite(float64(losses[i])) {
			r.DivergedAt = len(r.Losses)
		}
	}
}

func (t *training) record(stage Stage, group []*job, step int) {
	if t.options.Recorder == nil {
		return
	}
	p := Progress{Stage: stage, Runs: t.runs, Step: step, Done: t.done, Total: t.total, Elapsed: time.Since(t.start)}
	if len(group) > 0 {
		run := group[0].run
		p.Steps = run.Network.Steps
		p.StepsPerSecond = run.StepsPerSecond * float64(len(group))
	}
	if p.StepsPerSecond > 0 {
		p.Remaining = time.Duration(float64(t.total-t.done) / p.StepsPerSecond * float64(time.Second))
	}
	t.options.Recorder.Record(p)
}

// describe names a network in a message.
func (n Network) describe() string {
	var parts []string
	if n.Name != "" {
		parts = append(parts, fmt.Sprintf("%q", n.Name))
	}
	switch {
	case n.Model != nil:
		parts = append(parts, "(model function of your own)")
	case n.BatchNorm:
		parts = append(parts, "(with batch normalization)")
	default:
		parts = append(parts, "(without batch normalization)")
	}
	return strings.Join(parts, " ")
}
