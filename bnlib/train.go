package bnlib

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
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
	Probe    *Probe          // looks inside; default: nil, not at all. A stored run without what it asks for is trained again
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
	Step, Steps    int           // of the network that was trained last
	Done, Total    int           // network-steps of the whole call; what came from the store does not count
	Elapsed        time.Duration // since the call
	Remaining      time.Duration // estimate; 0 while there is none
	StepsPerSecond float64       // network-steps per second of the whole call, evaluations included
}

// Stage says what a Train is doing.
type Stage int

const (
	Compiling Stage = iota
	Training
	Done
)

// Compare trains the two networks of an experiment, without and with batch normalization, side by side: from the same
// initial weights, on the same minibatches. It returns their runs in that order. See Train.
func Compare(ctx context.Context, e Experiment, options *Options) ([]*Run, error) {
	if e.Model != nil {
		return nil, errors.New("bnlib: Compare: Experiment.Model is set; allowed: nil, since Compare builds both networks itself (give networks of your own to Train)")
	}
	return Train(ctx, e.Pair(), options)
}

// Train returns the runs of the given networks, in their order: from the store those that it has, the others trained now,
// side by side, and stored as soon as they are done. Networks of one seed see the same minibatch at the same step.
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
	if err := t.train(ctx); err != nil {
		if ctx.Err() != nil {
			t.cancel()
			return t.runs, err
		}
		return nil, err
	}
	return t.runs, nil
}

// training is one call of Train.
type training struct {
	options  Options
	networks []Network
	runs     []*Run
	missing  []*job // what the store does not have
	total    int    // network-steps
	start    time.Time

	mutex     sync.Mutex // guards what follows, the missing runs, and calls of the recorder
	done      int        // network-steps
	firstStep time.Time
	residents map[compute.Backend]*resident
	lenses    lensCabinet
}

// job is a network to train and the runs that wait for it (more than one if a call names a network twice).
type job struct {
	*blueprint
	run *Run
	as  []int // positions in training.runs
}

func newTraining(networks []Network, options *Options) (*training, error) {
	t := &training{start: time.Now(), runs: make([]*Run, len(networks)), residents: map[compute.Backend]*resident{}}
	if options != nil {
		t.options = *options
	}
	if len(networks) == 0 {
		return nil, errors.New("bnlib: Train: networks is empty; allowed: one or more")
	}
	checksum, trainImages, validationImages := data.MNISTChecksum, 0, articleValidationImages
	if d := t.options.Data; d != nil {
		checksum, trainImages, validationImages = d.Checksum, d.Train.Len(), d.Validation.Len()
	}
	var err error
	for _, n := range networks {
		if err := n.Validate(trainImages); err != nil {
			return nil, err
		}
		if err := t.options.Probe.Validate(n.Complete().Steps, validationImages); err != nil {
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
				if t.options.Probe.served(run, validationImages) {
					t.runs[i] = run
					continue
				}
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
