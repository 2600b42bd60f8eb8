package bnlib

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"batchnorm/bnlib/backend"
	"batchnorm/bnlib/internal/engine"
	"batchnorm/bnlib/probe"
	"batchnorm/data"

	"github.com/gomlx/compute"
)

// Options says how to train. Nil, and the zero value of each field, stand for the default.
type Options struct {
	Backend  compute.Backend // default: backend.Open, or of that kind with Cores
	Cores    int             // of the processor that each network trains on, for one too large for a single core: the numbers depend on it; default: 1
	Data     *data.Dataset   // default: MNIST
	Store    *Store          // where runs are kept and found again; default: DefaultStore
	Fresh    bool            // train even what the store has, and store it anew
	Recorder Recorder        // watches; default: nobody
	Steer    Steer           // sets the learning rates while the networks train; default: Experiment.Schedule alone does
	Hooks    []probe.Hook    // look inside, beside those that the function has of its own. A stored run without what they saw is trained again

	headsOnly bool // of runs, Losses and Weights are left out once they are stored
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
	Compiling = Stage(engine.Compiling)
	Training  = Stage(engine.Training)
	Done      = Stage(engine.Done)
)

// lockstep is how many networks share a program on a GPU.
const lockstep = 16

// Compare trains the two networks of an experiment, without and with batch normalization, side by side: from the same
// initial weights, on the same minibatches. At every evaluation it looks inside them with probe.Signals and probe.Norms. It
// returns their runs in that order. See Train.
func Compare(ctx context.Context, e Experiment, options *Options) ([]*Run, error) {
	if e.Model != nil {
		return nil, errors.New("bnlib: Compare: Experiment.Model is set; allowed: nil, since Compare builds both networks itself (give networks of your own to Train)")
	}
	return Train(ctx, e.Pair(), options.looking(probe.Signals, probe.Norms))
}

// looking returns the options with hooks after those that they have; of two with one name the options' own is taken.
func (o *Options) looking(hooks ...probe.Hook) *Options {
	var with Options
	if o != nil {
		with = *o
	}
	own := with.Hooks
	with.Hooks = slices.Concat(own, slices.DeleteFunc(hooks, func(h probe.Hook) bool {
		return slices.ContainsFunc(own, func(o probe.Hook) bool { return o.Name == h.Name })
	}))
	return &with
}

// Train returns the runs of the given networks, in their order: from the store those that it has, the others trained now,
// side by side, and stored as soon as they are done. Networks of one seed see the same minibatch at the same step.
//
// A network's losses and accuracies do not depend on which others train beside it, nor on how many cores there are: each trains
// on one core, unless Options.Cores says otherwise. A diverging network is a result: its run says so in Status.
//
// Before anything is trained, an experiment that cannot be, or a model function, norm or hook that fails, is an error that names the
// network. What fails later, such as a hook on the numbers of one network, ends the training of that network, and of those that share
// its program on a GPU; the others go on, and the error comes at the end. If ctx ends, Train returns within about two seconds, even if
// a function of the reader's never does: that is left to itself. Whatever happened, what there is comes with the error: runs that
// are done, which are stored, and, with Status Cancelled, the others as far as they came, which are not. A store that cannot be written
// to is an error, too, which wraps ErrNotStored, with all runs done.
func Train(ctx context.Context, networks []Network, options *Options) ([]*Run, error) {
	t, err := prepare(ctx, func() (*training, error) { return newTraining(networks, options) })
	switch {
	case t != nil:
		return t.runs, t.train(ctx)
	case ctx.Err() == nil || !errors.Is(err, ctx.Err()):
		return nil, err
	}
	runs := make([]*Run, len(networks))
	for i, n := range networks {
		runs[i] = &Run{Network: n, Status: Cancelled, Test: math.NaN()}
	}
	return runs, err
}

// prepare calls a function that makes a training, for which it runs functions of the reader's. If these do not return, it does when ctx
// ends, without one.
func prepare(ctx context.Context, create func() (*training, error)) (*training, error) {
	t, abandoned, err := engine.Await(ctx, create)
	if abandoned {
		return nil, fmt.Errorf("bnlib: training not started, and a model function has not returned yet: %w", err)
	}
	return t, err
}

// checkData returns an error for a data set that networks cannot be trained on.
func checkData(name string, d *data.Dataset) error {
	for _, s := range []struct {
		name string
		set  data.Set
	}{{"Train", d.Train}, {"Validation", d.Validation}, {"Test", d.Test}} {
		if err := checkSet(name+"."+s.name, s.set); err != nil {
			return err
		}
	}
	return nil
}

func checkSet(name string, s data.Set) error {
	if n := s.Len(); n == 0 || len(s.Images) != n*data.Pixels {
		return fmt.Errorf("bnlib: %s has %d labels and %d pixels; allowed: one label or more, and %d pixels for each", name, n, len(s.Images), data.Pixels)
	}
	if most := slices.Max(s.Labels); most >= data.Classes {
		return fmt.Errorf("bnlib: %s has label %d; allowed: 0 to %d", name, most, data.Classes-1)
	}
	return nil
}

// training is one call of Train.
type training struct {
	Options
	networks []Network
	runs     []*Run
	jobs     []*job // what the store does not have
	start    time.Time
	stop     func() // ends the training where a run cannot be stored; nil: it goes on, and the run is kept in memory
	helm     *helm  // nil: nobody steers

	mutex   sync.Mutex // guards what follows, and the runs
	unsaved error      // the first of a run that could not be stored
}

// job is a network to train and the runs that wait for it (more than one if a call names a network twice).
type job struct {
	engine.Job
	run       *Run
	as        []int             // positions in training.runs
	histories map[string]string // hook → key of what it saw
}

func newTraining(networks []Network, options *Options) (*training, error) {
	t := &training{start: time.Now(), runs: make([]*Run, len(networks))}
	if options != nil {
		t.Options = *options
	}
	if len(networks) == 0 {
		return nil, errors.New("bnlib: Train: networks is empty; allowed: one or more")
	}
	checksum, trainImages, validationImages := data.MNISTChecksum, articleTrainImages, articleValidationImages // without unpacking it
	if t.Data != nil {
		if err := checkData("Options.Data", t.Data); err != nil {
			return nil, err
		}
		if t.Data.Checksum == "" {
			return nil, errors.New("bnlib: Options.Data.Checksum is empty; allowed: a text of its own for each data set, by which runs are found again")
		}
		for _, note := range t.Data.Notes {
			fmt.Fprintln(os.Stderr, "bnlib: Options.Data:", note)
		}
		checksum, trainImages, validationImages = t.Data.Checksum, t.Data.Train.Len(), t.Data.Validation.Len()
	}
	for i, n := range networks {
		if err := n.validate(trainImages, i, len(networks)); err != nil {
			return nil, err
		}
		for i, hook := range t.Hooks {
			if err := hook.Validate(n.Steps); err != nil {
				return nil, fmt.Errorf("bnlib: Options.Hooks[%d]: %w", i, err)
			}
		}
	}
	if t.Cores < 0 || t.Cores > 0 && t.Backend != nil {
		return nil, fmt.Errorf("bnlib: Options.Cores is %d; allowed: 1 or more, or 0, and 0 where Options.Backend is given", t.Cores)
	}
	for i, hook := range t.Hooks {
		if first := slices.IndexFunc(t.Hooks, func(h probe.Hook) bool { return h.Name == hook.Name }); first < i {
			return nil, fmt.Errorf("bnlib: Options.Hooks[%d] is called %q, as is Options.Hooks[%d]; allowed: a name of its own for each", i, hook.Name, first)
		}
	}
	var err error
	if t.Store == nil {
		if t.Store, err = DefaultStore(); err != nil {
			return nil, err
		}
	}
	if t.Store.Dir == "" {
		return nil, errors.New("bnlib: Options.Store.Dir is empty; allowed: a folder, or Options.Store nil for DefaultStore")
	}
	if t.Backend == nil {
		if t.Backend, err = backend.Wide(max(1, t.Cores)); err != nil {
			return nil, err
		}
	}
	if t.Steer != nil {
		t.helm = &helm{steer: t.Steer, checksum: checksum}
	}
	machine := backend.Machine(t.Backend)
	tracer := &engine.Tracer{Backend: t.Backend}
	hooks := hookKeys{backend: t.Backend, trainImages: trainImages, validationImages: validationImages}
	byKey, unfit, noted := map[string]*job{}, strays{}, 0
	for i, n := range networks {
		n.Experiment = n.Shortened()
		t.networks = append(t.networks, n)
		traced, err := n.trace(tracer, t.Hooks)
		if err != nil {
			return nil, err
		}
		unfit.see(n, trainedNames(traced.Trace))
		key := onMachine(traced.Key(checksum), machine)
		if j := byKey[key]; j != nil {
			t.networks[i].Schedule = j.run.Network.Schedule
			j.as = append(j.as, i)
			continue
		}
		j := &job{run: &Run{Network: n, Key: key, Machine: machine, Status: Running, Test: math.NaN()}, as: []int{i}, histories: map[string]string{}}
		j.Network, j.Result = traced, &engine.Result{Test: math.NaN()}
		for _, hook := range t.Hooks {
			if j.histories[hook.Name], err = hooks.key(key, hook, traced); err != nil {
				return nil, err
			}
		}
		stored := false
		if t.helm != nil {
			t.helm.take(&t.networks[i], j)
		} else {
			stored = t.find(j)
		}
		if t.runs[i] = j.run; stored {
			continue
		}
		if t.Data == nil && len(t.jobs) == 0 {
			go data.MNIST() // unpacked by the time that it is needed
		}
		for _, note := range j.run.Notes {
			if noted++; noted <= mostNotes {
				fmt.Fprintln(os.Stderr, "bnlib:", note)
			}
		}
		j.Finished = func(*engine.Result) { t.keep(j) }
		byKey[key] = j
		t.jobs = append(t.jobs, j)
	}
	if err := unfit.err(); err != nil {
		return nil, err
	}
	if noted > mostNotes {
		fmt.Fprintf(os.Stderr, "bnlib: and so on: %d such files\n", noted)
	}
	t.share()
	return t, nil
}

// mostNotes is how many files that cannot be read are told; the others are found in Run.Notes.
const mostNotes = 3

// onMachine returns the key of a run from the digest of all that decides its numbers but the machine.
func onMachine(digest, machine string) string {
	sum := sha256.Sum256([]byte(machine))
	return digest + "-" + hex.EncodeToString(sum[:4])
}

// withoutMachine is the first argument of onMachine.
func withoutMachine(key string) string { return key[:strings.LastIndexByte(key, '-')] }

// find reads a run from the store, and what the hooks saw of it, and reports whether all of it is there. What is damaged is noted
// in the run that is trained in its place.
func (t *training) find(j *job) bool {
	if t.Fresh {
		return false
	}
	missing := func(err error) {
		if !errors.Is(err, ErrNoRun) {
			j.run.Notes = append(j.run.Notes, fmt.Sprintf("trained again: %v", err))
		}
	}
	load := t.Store.Load
	if t.headsOnly {
		load = t.Store.loadHead
	}
	run, err := load(j.run.Key)
	complete := err == nil
	if err != nil {
		missing(err)
	}
	j.Network.Hooks = slices.Clone(j.Network.Hooks)
	for i, hook := range t.Hooks {
		h, err := t.Store.loadHistory(j.histories[hook.Name])
		if err != nil {
			missing(err)
			complete = false
			continue
		}
		union := slices.Compact(slices.Sorted(slices.Values(append(j.Network.LookSteps(hook), h.Steps...))))
		complete = complete && len(union) == len(h.Steps)
		j.Network.Hooks[i] = hook.At(union...) // if it trains, what the store has is not lost
		if run != nil {
			run.Seen[hook.Name] = h
		}
	}
	if complete {
		run.Network = j.run.Network
		j.run = run
	}
	return complete
}

// hookKeys are the keys under which is stored what hooks saw.
type hookKeys struct {
	backend                       compute.Backend
	trainImages, validationImages int
	digests                       map[[2]string]string // by the network's graphs and the hook's name
}

func (k *hookKeys) key(run string, hook probe.Hook, n *engine.Network) (string, error) {
	of := [2]string{n.Graphs, hook.Name}
	if k.digests[of] == "" {
		digest, err := engine.HookDigest(k.backend, hook, n, k.trainImages, k.validationImages)
		if err != nil {
			return "", fmt.Errorf("bnlib: %w", err)
		}
		if k.digests == nil {
			k.digests = map[[2]string]string{}
		}
		k.digests[of] = digest
	}
	return run + "-" + k.digests[of], nil
}

// train trains what the store does not have.
func (t *training) train(ctx context.Context) error {
	if len(t.jobs) == 0 {
		return nil
	}
	if t.Data == nil {
		var err error
		if t.Data, err = data.MNIST(); err != nil {
			return err
		}
	}
	o := engine.Options{Data: t.Data, Parts: backend.Parts(t.Backend), Lockstep: 1}
	if backend.OnGPU(t.Backend) {
		o.Lockstep = lockstep
	}
	byJob := map[*engine.Job]*job{}
	var jobs []*engine.Job
	for _, j := range t.jobs {
		byJob[&j.Job] = j
		jobs = append(jobs, &j.Job)
	}
	if t.Recorder != nil {
		o.Watch = func(p engine.Progress) { t.record(p, byJob[p.Job]) }
	}
	err := engine.Train(ctx, jobs, o)
	for _, j := range t.jobs {
		if !j.Result.Over {
			j.run.take(j.Result)
			j.run.Status = Cancelled
		} else if j.run.Status == Running { // what looks at a collapsed network failed
			j.run.take(j.Result)
		}
	}
	t.share()
	if err != nil {
		err = fmt.Errorf("bnlib: %w", err)
	}
	return errors.Join(err, t.notStored())
}

// notStored is the error of a training whose runs, or some of them, could not be stored.
func (t *training) notStored() error {
	if t.unsaved == nil {
		return nil
	}
	return fmt.Errorf("%w: %w; mend that, or name another folder in %s", ErrNotStored, t.unsaved, StoreEnv)
}

// record tells the recorder where the training stands.
func (t *training) record(p engine.Progress, last *job) {
	progress := Progress{Stage: Stage(p.Stage), Runs: t.runs, Done: p.Done, Total: p.Total,
		Elapsed: time.Since(t.start), Remaining: p.Remaining, StepsPerSecond: p.StepsPerSecond}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if last != nil {
		if !last.Result.Over {
			last.run.take(last.Result)
		}
		progress.Step, progress.Steps = len(last.Result.Losses), last.run.Network.Steps
	}
	t.Recorder.Record(progress)
}

// keep stores a run that is done. One that cannot be stored is kept in memory.
func (t *training) keep(j *job) {
	if t.helm != nil {
		t.helm.rekey(j)
	}
	t.mutex.Lock()
	j.run.take(j.Result)
	for hook := range j.run.Seen {
		if _, ok := j.histories[hook]; !ok {
			delete(j.run.Seen, hook) // nobody asked for it but to find the cause of a collapse
		}
	}
	t.mutex.Unlock()
	err := t.Store.Save(j.run)
	for hook, key := range j.histories {
		if err == nil {
			err = t.Store.saveHistory(key, hook, j.run.Seen[hook])
		}
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.unsaved == nil {
		t.unsaved = err
	}
	if err != nil && t.stop != nil {
		t.stop()
	}
	if t.headsOnly && err == nil {
		j.run.Losses, j.run.Weights = nil, nil
		j.Result.Losses, j.Result.Weights = nil, nil
	}
}

// share gives each network that the call names again the run of the first, as its own.
func (t *training) share() {
	for _, j := range t.jobs {
		for _, i := range j.as[1:] {
			again := *j.run
			again.Network = t.networks[i]
			t.runs[i] = &again
		}
	}
}
