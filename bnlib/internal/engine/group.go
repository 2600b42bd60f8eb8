package engine

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"batchnorm/data"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"
)

// group is networks that train in lockstep, and where their training stands. The program that trains them is another's: it
// may be shared with other groups, and change from one chunk of steps to the next.
type group struct {
	*training
	jobs      []*Job
	networks  []*Network
	orders    []*Minibatches // one for each distinct seed
	minibatch []int          // network → its index in orders
	batch     int
	chunk     int // most steps between two evaluations
	decays    bool
	scheduled bool

	indices  [][]int32 // [seed][chunk·batch] images of the steps up to the next evaluation
	onDevice struct {
		indices                 *tensors.Tensor // [seeds, chunk, batch]
		rates, decays, schedule *tensors.Tensor // [variables of all networks] twice, [chunk]
	}
	views []*view // through which hooks look, nil without hooks

	values [][]*tensors.Tensor // variables of each network, in the order of its trace; nil: not opened
	at     compute.Backend     // where they are; nil: local

	step    int           // done
	inSteps time.Duration // time spent on them
	lost    bool          // every network is NaN for good, see settle
}

// newGroup returns the group of some jobs, which agree in batch, steps and rhythm. It holds nothing large until it is opened.
func (t *training) newGroup(jobs []*Job) *group {
	g := &group{training: t, jobs: jobs}
	seeds := map[uint64]int{}
	for _, j := range jobs {
		n := j.Network
		g.networks = append(g.networks, n)
		index, ok := seeds[n.Seed]
		if !ok {
			index = len(seeds)
			seeds[n.Seed] = index
		}
		g.minibatch = append(g.minibatch, index)
		g.decays = g.decays || n.Decay != nil
		g.scheduled = g.scheduled || n.Schedule != nil
	}
	first := g.networks[0]
	g.batch, g.chunk = first.Batch, min(first.Every, first.Steps)
	g.orders = make([]*Minibatches, len(seeds))
	return g
}

// String names the networks in a message.
func (g *group) String() string {
	if more := len(g.networks) - 1; more > 0 {
		return fmt.Sprintf("network %s and %d more", g.networks[0].Name, more)
	}
	return "network " + g.networks[0].Name
}

func (g *group) steps() int { return g.networks[0].Steps }
func (g *group) every() int { return g.networks[0].Every }
func (g *group) over() bool { return g.step == g.steps() }

// open draws initial weights and makes what the group needs to train.
func (g *group) open() error {
	g.indices = make([][]int32, len(g.orders))
	for i, n := range g.networks {
		if at := g.minibatch[i]; g.orders[at] == nil {
			g.orders[at] = NewMinibatches(n.Seed, g.o.Data.Train.Len())
			g.indices[at] = make([]int32, g.chunk*g.batch)
		}
		values, err := n.Initial()
		if err != nil {
			return err
		}
		g.values = append(g.values, values)
		g.views = append(g.views, newView(n, g.o.Data.Train))
		g.jobs[i].Result.Lockstep = len(g.jobs)
	}
	var rates, decays []float32
	for _, n := range g.networks {
		for _, v := range n.Variables {
			rates = append(rates, float32(n.Rate(v.Name)))
			decay := 0.0
			if n.Decay != nil {
				decay = n.Decay(v.Name)
			}
			decays = append(decays, float32(decay))
		}
	}
	g.onDevice.rates = tensors.FromFlatDataAndDimensions(rates, len(rates))
	if g.decays {
		g.onDevice.decays = tensors.FromFlatDataAndDimensions(decays, len(decays))
	}
	return nil
}

// settings returns what a program is given beside the minibatches, in the order that program.settings expects. Before the first
// chunk only their shapes are right.
func (g *group) settings() []*tensors.Tensor {
	all := []*tensors.Tensor{g.onDevice.rates}
	if g.decays {
		all = append(all, g.onDevice.decays)
	}
	if g.scheduled {
		if g.onDevice.schedule == nil {
			g.onDevice.schedule = tensors.FromShape(shapes.Make(dtypes.Float32, g.chunk))
		}
		all = append(all, g.onDevice.schedule)
	}
	return all
}

// enter hands the variables' values to a program. Until leave, they are the program's.
func (g *group) enter(p *program) error {
	if g.at != nil && g.at != p.backend {
		if err := g.fetch(); err != nil {
			return err
		}
	}
	for i, values := range g.values {
		for k, v := range p.variables[i] {
			if err := v.SetValuePreservingOld(values[k]); err != nil {
				return err
			}
		}
	}
	g.at = p.backend
	return nil
}

// fetch takes what stays from chunk to chunk off its backend, so that another can have it.
func (g *group) fetch() error {
	held := []**tensors.Tensor{&g.onDevice.rates, &g.onDevice.decays}
	for _, values := range g.values {
		for k := range values {
			held = append(held, &values[k])
		}
	}
	for _, v := range g.views {
		for k := range v.initial {
			held = append(held, &v.initial[k])
		}
	}
	for _, value := range held {
		if *value == nil {
			continue
		}
		local, err := (*value).LocalClone()
		if err != nil {
			return err
		}
		(*value).FinalizeAll()
		*value = local
	}
	return nil
}

// leave takes them back, as the program left them.
func (g *group) leave(p *program) error {
	for i := range g.values {
		for k, v := range p.variables[i] {
			var err error
			if g.values[i][k], err = v.Value(); err != nil {
				return err
			}
		}
	}
	return nil
}

// next draws the batches of the next chunk of steps and makes what a program is given for it.
func (g *group) next() {
	var flat []int32
	for i, order := range g.orders {
		order.Next(g.indices[i])
		flat = append(flat, g.indices[i]...)
	}
	finalize([]*tensors.Tensor{g.onDevice.indices})
	g.onDevice.indices = tensors.FromFlatDataAndDimensions(flat, len(g.orders), g.chunk, g.batch)
	if g.scheduled && !g.steered() {
		g.setFactors(0, g.factors(min(g.chunk, g.steps()-g.step))) // a schedule may know no more steps than there are
	}
}

// steered reports whether somebody sets the rates while the networks train.
func (g *group) steered() bool { return g.networks[0].Steered }

// factors returns those of the next n steps.
func (g *group) factors(n int) []float32 {
	factors := make([]float32, n)
	for i := range factors {
		factors[i] = float32(g.networks[0].Schedule(g.step + i))
	}
	return factors
}

// setFactors makes what a program is given as the factors of a chunk, of its steps from at on.
func (g *group) setFactors(at int, factors []float32) {
	all := make([]float32, g.chunk)
	copy(all[at:], factors)
	finalize([]*tensors.Tensor{g.onDevice.schedule})
	g.onDevice.schedule = tensors.FromFlatDataAndDimensions(all, g.chunk)
}

// steer asks for the factors of the next n steps, from at on in their chunk. Who is asked may take long, or never answer.
func (g *group) steer(ctx context.Context, at, n int) error {
	factors, _, err := Await(ctx, func() ([]float32, error) { return g.factors(n), nil })
	if err != nil {
		return fmt.Errorf("steering %s at step %d: %w", g, g.step, err)
	}
	g.setFactors(at, factors)
	return nil
}

// gather returns the minibatch of one step of the current chunk for each seed: [seeds, batch, 784] bytes, [seeds, batch].
func (g *group) gather(set data.Set, step int) (images, labels *tensors.Tensor) {
	var all []int32
	for i := range g.orders {
		all = append(all, g.indices[i][step*g.batch:(step+1)*g.batch]...)
	}
	gathered := Pick(set, all)
	return tensors.FromFlatDataAndDimensions(gathered.Images, len(g.orders), g.batch, data.Pixels),
		tensors.FromFlatDataAndDimensions(Widen(gathered.Labels), len(g.orders), g.batch)
}

// finalize frees what the group holds on the device.
func (g *group) finalize() {
	for _, values := range g.values {
		finalize(values)
	}
	finalize([]*tensors.Tensor{g.onDevice.indices, g.onDevice.rates, g.onDevice.decays, g.onDevice.schedule})
}

// longestCall bounds how long the device works without looking at the context, steeredCall where somebody steers.
const (
	longestCall = 400 * time.Millisecond
	steeredCall = 100 * time.Millisecond
)

// advance trains up to the next evaluation, evaluates, and ends the training after its last step. At first it evaluates the
// networks as they are.
func (g *group) advance(ctx context.Context, p *program) error {
	if err := g.enter(p); err != nil {
		return err
	}
	if g.step == 0 {
		if err := g.evaluate(ctx, p); err != nil {
			return err
		}
	}
	err := g.train(ctx, p)
	if err == nil {
		err = g.evaluate(ctx, p)
	}
	if left := g.leave(p); err == nil {
		err = left
	}
	if err == nil && g.over() {
		err = g.finish(ctx, p)
	}
	return err
}

// train makes the steps up to the next evaluation.
func (g *group) train(ctx context.Context, p *program) error {
	if g.lost {
		g.stand(min(g.every(), g.steps()-g.step))
		return ctx.Err()
	}
	g.next()
	chunk := min(g.every(), g.steps()-g.step)
	for at := 0; at < chunk; {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("training cancelled after step %d of %d: %w", g.step, g.steps(), err)
		}
		n := min(chunk-at, g.callSteps(), g.untilLook(g.step+1)+1)
		if g.steered() {
			if err := g.steer(ctx, at, n); err != nil {
				return err
			}
		}
		start := time.Now()
		losses, err := p.steps(g, at, at+n)
		if err != nil {
			return fmt.Errorf("training %s, steps %d to %d: %w", g, g.step+1, g.step+n, err)
		}
		g.inSteps += time.Since(start)
		at, g.step = at+n, g.step+n
		g.take(start, losses, n)
		if at < chunk {
			if err := g.look(ctx, p); err != nil {
				return err
			}
			g.record(Training, g.jobs[0])
		}
	}
	return g.settle(p)
}

// settle finds out whether all networks of the group are lost: whether every number of theirs is NaN, so that every later step
// leaves them as they are. A frozen number need not be NaN.
func (g *group) settle(p *program) error {
	for i, j := range g.jobs {
		if losses := j.Result.Losses; losses[len(losses)-1] == losses[len(losses)-1] {
			return nil
		}
		for k, v := range g.networks[i].Variables {
			if v.Shape.DType != dtypes.Float32 {
				return nil
			}
			if v.Trainable && g.networks[i].Rate(v.Name) == 0 {
				continue
			}
			value, err := p.variables[i][k].Value()
			if err != nil {
				return err
			}
			all := true
			err = tensors.ConstFlatData(value, func(flat []float32) {
				for _, x := range flat {
					all = all && x != x
				}
			})
			if err != nil || !all {
				return err
			}
		}
	}
	g.lost = true
	return nil
}

// stand makes n steps of networks that are lost, which change nothing.
func (g *group) stand(n int) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.step += n
	g.training.done += n * len(g.jobs)
	for _, j := range g.jobs {
		for range n {
			j.Result.Losses = append(j.Result.Losses, float32(math.NaN()))
		}
	}
}

// callSteps says how many steps to give the device at once: at first a few, to learn how long a step takes.
func (g *group) callSteps() int {
	if g.step == 0 {
		return 4
	}
	longest := longestCall
	if g.steered() {
		longest = steeredCall
	}
	perStep := max(g.inSteps/time.Duration(g.step), time.Nanosecond)
	return int(max(1, longest/perStep))
}

// take adds the training losses of n steps, [n][networks], to the results.
func (g *group) take(start time.Time, losses []float32, n int) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if g.training.done == 0 {
		g.firstStep = start
	}
	g.training.done += n * len(g.jobs)
	losses = canonical(losses)
	for i, j := range g.jobs {
		r := j.Result
		for k := i; k < len(losses); k += len(g.jobs) {
			r.Losses = append(r.Losses, losses[k])
			if r.DivergedAt == 0 && !finite(losses[k]) {
				r.DivergedAt = len(r.Losses)
			}
		}
		r.StepsPerSecond = float64(g.step) / g.inSteps.Seconds()
	}
}

// evaluate adds a point to the results.
func (g *group) evaluate(ctx context.Context, p *program) error {
	points := make([]Point, len(g.jobs))
	if g.lost && g.jobs[0].Result.lostAt > 0 {
		for i, j := range g.jobs {
			points[i] = j.Result.Points[len(j.Result.Points)-1]
		}
	} else {
		scores, err := p.scores(p.data.validation)
		if err != nil {
			return fmt.Errorf("evaluating %s after step %d: %w", g, g.step, err)
		}
		for i, s := range scores {
			points[i] = Point{Loss: s.loss, Accuracy: s.accuracy}
		}
	}
	g.mutex.Lock()
	for i, j := range g.jobs {
		points[i].Step = g.step
		j.Result.Points = append(j.Result.Points, points[i])
		if g.lost && j.Result.lostAt == 0 {
			j.Result.lostAt = g.step
		}
	}
	g.mutex.Unlock()
	if len(g.networks[0].Hooks) > 0 {
		g.record(Training, g.jobs[0]) // before hooks are compiled, which takes a second
	}
	if err := g.look(ctx, p); err != nil {
		return err
	}
	g.record(Training, g.jobs[0])
	return nil
}

// finish tests the networks and hands them over.
func (g *group) finish(ctx context.Context, p *program) error {
	scores, err := p.scores(p.data.test)
	if err != nil {
		return fmt.Errorf("testing %s: %w", g, err)
	}
	for i, j := range g.jobs {
		weights, err := g.networks[i].WeightsOf(g.values[i])
		if err != nil {
			return fmt.Errorf("reading weights of %s: %w", g, err)
		}
		g.mutex.Lock()
		j.Result.Weights = weights
		j.Result.Test, j.Result.Answers = scores[i].accuracy, scores[i].answers
		j.Result.Over = true
		g.mutex.Unlock()
		if err := g.autopsy(ctx, i, p); err != nil {
			return err
		}
		if j.Finished != nil {
			j.Finished(j.Result)
		}
	}
	return nil
}

// autopsy looks at network i if it has collapsed, unless a hook of that name has looked already.
func (g *group) autopsy(ctx context.Context, i int, p *program) error {
	hook, result := g.networks[i].Autopsy, g.jobs[i].Result
	if _, _, collapsed := result.Collapsed(); !collapsed || hook == nil {
		return nil
	}
	if h := result.Seen[hook.Name]; h != nil && slices.Contains(h.Steps, g.step) {
		return nil
	}
	return g.lookThrough(ctx, *hook, i, p)
}
