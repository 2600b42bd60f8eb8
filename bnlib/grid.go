package bnlib

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"batchnorm/bnlib/internal/engine"
	"batchnorm/bnlib/probe"

	"github.com/gomlx/gomlx/ml/layers/activation"
)

// Grid is many networks at once: a base experiment along axes, each point with every norm and every seed. Points are numbered with
// the last axis fastest.
//
//	grid := bnlib.Grid{Base: bnlib.Article(1), Axes: []bnlib.Axis{bnlib.Std(0.01, 0.1, 1), bnlib.Rate(0.01, 0.1)}, Seeds: 3}
//	results, err := grid.Train(ctx, nil)
//	fmt.Println(results.Sample(1, 0, 0).Test()) // with batch norm, at the first std and the first rate
type Grid struct {
	Base  Experiment
	Axes  []Axis
	Norms []Norm       // nil: None and Batch
	Seeds int          // Base.Seed and those that follow; 0: one
	Marks []Experiment // what a map of the grid marks, each by its name, where Axis.Of places it; nothing is trained for them
}

// Axis is what changes along one side of a grid.
type Axis struct {
	Name   string
	Values []float64                          // finite, each once
	Labels []string                           // of the values; nil: they are numbers
	Set    func(e *Experiment, value float64) // e is a copy of its own
	Of     func(e Experiment) float64         // the value that an experiment has, for Grid.Marks; nil: none
}

// Std is an axis of Experiment.InitStd.
func Std(values ...float64) Axis {
	return Axis{Name: "std", Values: values, Set: func(e *Experiment, v float64) { e.InitStd = v }, Of: func(e Experiment) float64 { return e.InitStd }}
}

// Rate is an axis of Experiment.LearningRate.
func Rate(values ...float64) Axis {
	return Axis{Name: "rate", Values: values, Set: func(e *Experiment, v float64) { e.LearningRate = v }, Of: func(e Experiment) float64 { return e.LearningRate }}
}

// StdOf is an axis of one number in Experiment.Stds, such as that of "hidden_*/dense/weights".
func StdOf(pattern string, values ...float64) Axis {
	return Axis{Name: "std of " + pattern, Values: values, Set: func(e *Experiment, v float64) { e.Stds = e.Stds.with(pattern, v) }}
}

// RateOf is an axis of one number in Experiment.Rates.
func RateOf(pattern string, values ...float64) Axis {
	return Axis{Name: "rate of " + pattern, Values: values, Set: func(e *Experiment, v float64) { e.Rates = e.Rates.with(pattern, v) }}
}

// Activation is an axis of Experiment.Activation.
func Activation(types ...activation.Type) Axis {
	a := Axis{Name: "activation", Set: func(e *Experiment, v float64) { e.Activation = activation.Type(v) },
		Of: func(e Experiment) float64 { return float64(e.Activation) }}
	for _, t := range types {
		a.Values, a.Labels = append(a.Values, float64(t)), append(a.Labels, Experiment{Activation: t}.ActivationName())
	}
	return a
}

// LogSpaced returns n values from low to high, each the same multiple of the one before: those of an axis with a logarithmic scale.
// low and high are above 0, and n is 2 or more; it panics for others.
func LogSpaced(low, high float64, n int) []float64 {
	if !(low > 0) || !(high > 0) || !finite(high/low) || n < 2 {
		panic(fmt.Errorf("bnlib: LogSpaced(%v, %v, %d); allowed: two numbers above 0, and 2 values or more", low, high, n))
	}
	values := make([]float64, n)
	for i := range values {
		values[i] = low * math.Pow(high/low, float64(i)/float64(n-1))
	}
	return values
}

// Choice is an axis of experiments that have nothing else in common: all of Base but its seed is theirs.
func Choice(experiments ...Experiment) Axis {
	a := Axis{Name: "experiment"}
	for i, e := range experiments {
		a.Values, a.Labels = append(a.Values, float64(i)), append(a.Labels, e.Name)
	}
	a.Set = func(e *Experiment, v float64) {
		seed := e.Seed
		*e = experiments[int(v)].clone()
		e.Seed += seed
	}
	return a
}

// Label writes a value of the axis, given by its index.
func (a Axis) Label(i int) string {
	if i < len(a.Labels) {
		return a.Labels[i]
	}
	return a.Name + " " + strconv.FormatFloat(a.Values[i], 'g', 4, 64)
}

// Validate returns an error for a field that makes no grid: its name, its value, what is allowed.
func (g Grid) Validate() error {
	if g.Seeds < 0 {
		return fmt.Errorf("bnlib: Grid.Seeds is %d; allowed: 1 or more, or 0 for one", g.Seeds)
	}
	networks := max(1, len(g.norms())) * g.seeds()
	for i, a := range g.Axes {
		switch {
		case len(a.Values) == 0:
			return fmt.Errorf("bnlib: Grid.Axes[%d].Values (%q) is empty; allowed: one or more", i, a.Name)
		case a.Set == nil:
			return fmt.Errorf("bnlib: Grid.Axes[%d].Set (%q) is nil; allowed: a function that sets a field", i, a.Name)
		case a.Labels != nil && len(a.Labels) != len(a.Values):
			return fmt.Errorf("bnlib: Grid.Axes[%d].Labels (%q) are %d; allowed: as many as values, %d", i, a.Name, len(a.Labels), len(a.Values))
		case g.Seeds > mostNetworks || len(a.Values) > mostNetworks/networks:
			return fmt.Errorf("bnlib: Grid has more than %d networks, up to Grid.Axes[%d] (%q); allowed: as many, or shares of it (Grid.Shard) given to Train", mostNetworks, i, a.Name)
		}
		networks *= len(a.Values)
		first := map[float64]int{}
		for k, v := range a.Values {
			if !finite(v) {
				return fmt.Errorf("bnlib: Grid.Axes[%d].Values[%d] (%q) is %v; allowed: finite numbers", i, k, a.Name, v)
			}
			if at, twice := first[v]; twice {
				return fmt.Errorf("bnlib: Grid.Axes[%d].Values[%d] (%q) is %v, as is Values[%d]; allowed: each once (Grid.Seeds repeats a point)", i, k, a.Name, v, at)
			}
			first[v] = k
		}
	}
	if g.Norms != nil && len(g.Norms) == 0 {
		return errors.New("bnlib: Grid.Norms is empty; allowed: one or more, or nil for None and Batch")
	}
	return nil
}

// mostNetworks is more than anybody trains in one call.
const mostNetworks = 1_000_000

func (g Grid) norms() []Norm {
	if g.Norms == nil {
		return []Norm{None, Batch}
	}
	return g.Norms
}

func (g Grid) seeds() int { return max(1, g.Seeds) }

// Points is how many points the grid has.
func (g Grid) Points() int {
	points := 1
	for _, a := range g.Axes {
		points *= len(a.Values)
	}
	return points
}

// index returns where a point is on each axis.
func (g Grid) index(point int) []int {
	index := make([]int, len(g.Axes))
	for i := len(index) - 1; i >= 0; i-- {
		n := len(g.Axes[i].Values)
		index[i], point = point%n, point/n
	}
	return index
}

// Experiment returns the experiment of a point, with the first seed. It panics for a point that the grid does not have.
func (g Grid) Experiment(point int) Experiment {
	if point < 0 || point >= g.Points() {
		panic(fmt.Errorf("bnlib: Grid.Experiment(%d); allowed: 0 to %d, the grid's points", point, g.Points()-1))
	}
	e := g.Base.clone()
	var labels []string
	for i, at := range g.index(point) {
		g.Axes[i].Set(&e, g.Axes[i].Values[at])
		labels = append(labels, g.Axes[i].Label(at))
	}
	if len(labels) > 0 {
		e.Name = strings.Join(labels, ", ")
	}
	return e
}

// Networks returns the networks of some points, of each those of every seed, and of each seed those of every norm. Without
// arguments it is all points.
func (g Grid) Networks(points ...int) []Network {
	if points == nil {
		points = g.Shard(0, 1)
	}
	var networks []Network
	for _, point := range points {
		for _, e := range Seeds(g.Experiment(point), g.seeds()) {
			networks = append(networks, e.With(g.norms()...)...)
		}
	}
	return networks
}

// Shard returns the points of one of n shares of the grid, the i-th from 0 on: every n-th point.
func (g Grid) Shard(i, n int) []int {
	if n < 1 || i < 0 || i >= n {
		panic(fmt.Errorf("bnlib: Grid.Shard(%d, %d); allowed: the shares 0 to n-1 of n", i, n))
	}
	points := []int{} // not nil, which stands for all points
	for point := i; point < g.Points(); point += n {
		points = append(points, point)
	}
	return points
}

// Results are the runs of a grid.
type Results struct {
	Grid Grid
	Runs []*Run // in the order of Grid.Networks
}

// Sample returns the runs of all seeds, with a norm by its index in Grid.Norms, at a point given by its index on each axis. It panics
// for indices that the grid does not have.
func (r *Results) Sample(norm int, at ...int) Sample {
	if len(at) != len(r.Grid.Axes) {
		panic(fmt.Errorf("bnlib: Results.Sample: a point of %d axes has %d indices", len(r.Grid.Axes), len(at)))
	}
	point := 0
	for i, k := range at {
		if a := r.Grid.Axes[i]; k < 0 || k >= len(a.Values) {
			panic(fmt.Errorf("bnlib: Results.Sample: the index on axis %d (%q) is %d; allowed: 0 to %d", i, a.Name, k, len(a.Values)-1))
		}
		point = point*len(r.Grid.Axes[i].Values) + k
	}
	return r.sample(point, norm)
}

func (r *Results) sample(point, norm int) Sample {
	norms, seeds := len(r.Grid.norms()), r.Grid.seeds()
	if norm < 0 || norm >= norms {
		panic(fmt.Errorf("bnlib: Results.Sample: norm is %d; allowed: 0 to %d, an index in Grid.Norms", norm, norms-1))
	}
	if want := r.Grid.Points() * norms * seeds; len(r.Runs) != want {
		panic(fmt.Errorf("bnlib: Results.Runs are %d; allowed: the %d of Grid.Networks", len(r.Runs), want))
	}
	all := r.Runs[point*norms*seeds : (point+1)*norms*seeds]
	var sample Sample
	for k := norm; k < len(all); k += norms {
		sample = append(sample, all[k])
	}
	return sample
}

// Train trains the grid's networks, point by point, and stores each as soon as it is done: a grid that was stopped goes on where it
// was, and one that is stored is found again in no time. The runs are without Losses and Weights; Store.Load has these. If ctx
// ends, it returns, as Train does, what there is with the error.
func (g Grid) Train(ctx context.Context, options *Options) (*Results, error) {
	if err := g.Validate(); err != nil {
		return nil, err
	}
	o := options.looking()
	o.headsOnly = true
	networks, err := g.networksOf(nil)
	if err != nil {
		return nil, err
	}
	runs, err := Train(ctx, networks, o)
	if runs == nil {
		return nil, err
	}
	return &Results{g, runs}, err
}

// networksOf is Networks; a panic of an axis' Set is an error.
func (g Grid) networksOf(points []int) (networks []Network, err error) {
	if points == nil {
		points = g.Shard(0, 1)
	}
	for _, point := range points {
		err := engine.TryCatch(func() error {
			networks = append(networks, g.Networks(point)...)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("bnlib: Grid.Axes: Set at point %d of %d, %v on the axes: %w", point, g.Points(), g.index(point), err)
		}
	}
	return networks, nil
}

// TrainShard trains Shard(i, n) as Train does the whole, but for what the store has from a machine of another kind, which is not
// trained again: one of each is enough. It returns the runs of the share, in the order of Networks(Shard(i, n)...). It reads no more
// of the store than the share, and the names of the rest.
//
// Since nobody has what is not stored, the first run that cannot be ends it: see [ErrNotStored].
func (g Grid) TrainShard(ctx context.Context, i, n int, options *Options) ([]*Run, error) {
	points := g.Shard(i, n)
	if len(points) == 0 {
		return nil, g.Validate()
	}
	t, err := prepare(ctx, func() (*training, error) { return g.fromAnyMachine(points, options) })
	if err != nil {
		return nil, err
	}
	within, stop := context.WithCancel(ctx)
	defer stop()
	t.stop = stop
	err = t.train(within)
	if t.unsaved != nil && ctx.Err() == nil {
		err = t.notStored()
	}
	return t.runs, err
}

// Stored returns what the store has of the grid, as Train returns it, whoever trained it: of a network that only machines of another
// kind have trained, whose bits may differ, it is theirs, and Run.Machine says so; what another backend has trained is not found, since
// graphs are written for a backend. Runs that the store lacks are nil, and so many are missing. Nothing is trained.
func (g Grid) Stored(options *Options) (results *Results, missing int, err error) {
	t, err := g.fromAnyMachine(nil, options)
	if err != nil {
		return nil, 0, err
	}
	for _, j := range t.jobs {
		for _, i := range j.as {
			t.runs[i] = nil
			missing++
		}
	}
	return &Results{g, t.runs}, missing, nil
}

// fromAnyMachine returns the training of what the store lacks of some points' networks, or of all if points is nil, from machines of
// any kind. The runs are without Losses and Weights.
func (g Grid) fromAnyMachine(points []int, options *Options) (*training, error) {
	if err := g.Validate(); err != nil {
		return nil, err
	}
	o := options.looking()
	o.headsOnly = true
	var err error
	if o.Store == nil {
		if o.Store, err = DefaultStore(); err != nil {
			return nil, err
		}
	}
	elsewhere, err := o.Store.machines() // first, so that a folder that cannot be read is said once
	if err != nil {
		return nil, err
	}
	networks, err := g.networksOf(points)
	if err != nil {
		return nil, err
	}
	t, err := newTraining(networks, o)
	if err != nil {
		return nil, err
	}
	t.jobs = slices.DeleteFunc(t.jobs, func(j *job) bool {
		for _, key := range elsewhere[withoutMachine(j.run.Key)] {
			run, err := t.Store.loadHead(key)
			if err != nil {
				continue
			}
			for _, i := range j.as {
				again := *run
				again.Network = t.networks[i]
				t.runs[i] = &again
			}
			return true
		}
		return false
	})
	return t, nil
}

// Replicates is one experiment with several seeds: the runs without and with batch normalization, in the order of the seeds.
// Plain[i] and BatchNorm[i] started from the same weights and saw the same minibatches.
type Replicates struct {
	Experiment       Experiment // with the first seed
	Plain, BatchNorm Sample
}

// Study trains both networks of each experiment with the given number of seeds and returns them in the order of the experiments. It
// is the grid of Choice(experiments...), looked at with probe.Signals and probe.Norms before the first step, whose runs are whole.
//
// Experiments with a model function of their own are an error, since they have no two networks. Other errors are Train's.
func Study(ctx context.Context, experiments []Experiment, seeds int, options *Options) ([]Replicates, error) {
	if seeds < 1 {
		return nil, fmt.Errorf("bnlib: Study: seeds is %d; allowed: 1 or more", seeds)
	}
	for i, e := range experiments {
		if e.Model != nil {
			return nil, fmt.Errorf("bnlib: Study: Experiment.Model is set in experiments[%d], %q; allowed: nil, since Study builds both networks itself (give networks of your own to Train)", i, e.Name)
		}
	}
	g := Grid{Axes: []Axis{Choice(experiments...)}, Seeds: seeds}
	if len(experiments) > 0 {
		if err := g.Validate(); err != nil {
			return nil, err
		}
	}
	runs, err := Train(ctx, g.Networks(), options.looking(probe.Signals.At(0), probe.Norms.At(0)))
	if runs == nil {
		return nil, err
	}
	return (&Results{g, runs}).Replicates(), err
}

// Replicates returns the runs of a grid whose norms are None and Batch, by its points. It panics for a grid of other norms.
func (r *Results) Replicates() []Replicates {
	if norms := r.Grid.norms(); len(norms) != 2 || !norms[0].Equal(None) || !norms[1].Equal(Batch) {
		panic(fmt.Errorf("bnlib: Results.Replicates: Grid.Norms are %d; allowed: None and Batch, in this order", len(norms)))
	}
	all := make([]Replicates, r.Grid.Points())
	for point := range all {
		all[point] = Replicates{r.Grid.Experiment(point), r.sample(point, 0), r.sample(point, 1)}
	}
	return all
}
