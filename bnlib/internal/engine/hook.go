package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"sync"

	"batchnorm/bnlib/probe"
	"batchnorm/data"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// capture is a hook compiled for networks whose graphs are the same. It has a program, and a store of variables whose values
// are not used, of its own: what the model function writes to its variables, moving averages and the state of random numbers,
// is not computed, and what is looked at changes no number of the training, nor of another hook.
type capture struct {
	hook      probe.Hook
	network   *Network // one of those
	store     *model.Store
	variables []*model.Variable // in the order of the trace
	exec      *Exec

	parameters []ParameterHandle       // of the variables in the graph
	initial    map[int]ParameterHandle // of the initial values that the hook asks for, by variable
	records    []probe.Record          // of the graph
	values     []*tensors.Tensor       // of the variables, at the current look
	starts     map[int]*tensors.Tensor // initial values, at the current look
}

// newCapture returns a capture for networks like the given one. Nothing is compiled yet.
func newCapture(hook probe.Hook, n *Network) (*capture, error) {
	c := &capture{hook: hook, network: n, store: model.NewStore()}
	for _, v := range n.Variables {
		created, err := c.store.CreateVariable(v.path(), tensors.FromShape(v.Shape))
		if err != nil {
			return nil, err
		}
		c.variables = append(c.variables, created.SetTrainable(v.Trainable))
	}
	return c, nil
}

// sets is the data that a hook can look with: images [n, 784] bytes, labels [n], of the next step's minibatch, of training and of
// validation.
type sets struct{ batch, batchLabels, train, trainLabels, validation, validationLabels *Node }

// graph returns what the hook records, float32.
func (c *capture) graph(s sets) []*Node {
	g := s.batch.Graph()
	model.SetStore(g, c.store)
	c.parameters, c.initial = nil, map[int]ParameterHandle{}
	state := probe.State{CrossEntropy: CrossEntropy}
	for i, v := range c.variables {
		value := v.NodeValue(g)
		c.parameters = append(c.parameters, value.GetParameterHandle())
		var initial *Node
		state.Variables = append(state.Variables, probe.Variable{Name: v.Path()[1:], Trainable: v.Trainable, Value: value, Initial: func() *Node {
			if initial == nil {
				initial = Parameter(g, "initial "+v.Path()[1:], v.Shape())
				c.initial[i] = initial.GetParameterHandle()
			}
			return initial
		}})
	}
	state.Apply = func(values []*Node, images *Node, training bool) *Node {
		c.store.SetTraining(g, training)
		for i, v := range c.variables {
			v.SetNodeValue(values[i]) // and nothing that an earlier call changed
		}
		return c.network.logits(c.store.RootScope(), images)
	}
	first := func(images, labels *Node) func(most int) (*Node, *Node) {
		return func(most int) (*Node, *Node) {
			n := min(most, images.Shape().Dim(0))
			return Pixels(Slice(images, AxisRange(0, n))), Slice(labels, AxisRange(0, n))
		}
	}
	state.Minibatch = func() (*Node, *Node) { return Pixels(s.batch), s.batchLabels }
	state.Training = first(s.train, s.trainLabels)
	state.Validation = first(s.validation, s.validationLabels)
	look := probe.NewLook(state)
	c.hook.Graph(look)
	c.records = look.Records()
	var nodes []*Node
	for _, r := range c.records {
		nodes = append(nodes, ConvertDType(r.Node, dtypes.Float32))
	}
	if len(nodes) == 0 {
		nodes = append(nodes, ScalarZero(g, dtypes.Float32)) // a program must compute something
	}
	return nodes
}

// digest traces the hook's graph and returns what tells it from others: its name, steps apart, and what it computes.
func (c *capture) digest(backend compute.Backend, trainImages, validationImages int) (digest string, err error) {
	sum := sha256.New()
	err = TryCatch(func() error {
		g := NewGraph(backend, "hook")
		defer g.Finalize()
		parameter := func(name string, n int) (images, labels *Node) {
			return Parameter(g, name, shapes.Make(dtypes.Uint8, n, data.Pixels)), Parameter(g, name+" labels", shapes.Make(dtypes.Int32, n))
		}
		var s sets
		s.batch, s.batchLabels = parameter("minibatch", c.network.Batch)
		s.train, s.trainLabels = parameter("train", trainImages)
		s.validation, s.validationLabels = parameter("validation", validationImages)
		nodes := c.graph(s)
		for i, r := range c.records {
			fmt.Fprintf(sum, "%q %d\n", r.Name, nodes[i].Id())
		}
		fmt.Fprintln(sum, g)
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("hook %q in network %s: %w", c.hook.Name, c.network.Name, err)
	}
	return hex.EncodeToString(sum.Sum(nil)[:8]), nil
}

// compile makes the capture ready to look on a backend.
func (c *capture) compile(backend compute.Backend, d *resident) (err error) {
	c.exec, err = NewExec(backend, func(inputs []*Node) []*Node {
		return c.graph(sets{inputs[0], inputs[1], inputs[2], inputs[3], inputs[4], inputs[5]})
	})
	if err != nil {
		return err
	}
	c.exec.SetSideParamsHook(func(_ *Graph, buffers []compute.Buffer, donate []bool) (err error) {
		for i, handle := range c.parameters {
			if buffers[handle], err = c.values[i].Buffer(backend, 0); err != nil {
				return err
			}
		}
		for i, handle := range c.initial {
			if buffers[handle], err = c.starts[i].Buffer(backend, 0); err != nil {
				return err
			}
		}
		return nil
	})
	batch := []shapes.Shape{shapes.Make(dtypes.Uint8, c.network.Batch, data.Pixels), shapes.Make(dtypes.Int32, c.network.Batch)}
	_, err = c.exec.Compile(append(batch, d.train.images.Shape(), d.train.labels.Shape(),
		d.validation[0].images.Shape(), d.validation[0].labels.Shape())...)
	return err
}

// look returns the numbers of each record, of a network whose variables have the given values after some step.
func (c *capture) look(ctx context.Context, v *view, step int, values []*tensors.Tensor, d *resident) ([][]float64, error) {
	batch, labels := v.minibatch(step)
	c.values = values
	if err := c.start(v); err != nil {
		return nil, err
	}
	fail := func(err error) ([][]float64, error) {
		return nil, fmt.Errorf("hook %q in network %s after step %d: %w", c.hook.Name, v.network.Name, step, err)
	}
	results, err := c.exec.Call(batch, labels, d.train.images, d.train.labels, d.validation[0].images, d.validation[0].labels)
	finalize([]*tensors.Tensor{batch, labels})
	if err != nil {
		return fail(err)
	}
	defer finalize(results)
	flat := make([][]float32, len(c.records)) // copies: a Reduce that never returns keeps its own
	for i := range c.records {
		if flat[i], err = tensors.CopyFlatData[float32](results[i]); err != nil {
			return fail(err)
		}
	}
	numbers, _, err := Await(ctx, func() ([][]float64, error) {
		numbers := make([][]float64, len(flat))
		for i, r := range c.records {
			if numbers[i] = r.Reduce(flat[i]); len(numbers[i]) == 0 {
				return nil, fmt.Errorf("record %q has no numbers; allowed: one or more", r.Name)
			}
		}
		return numbers, nil
	})
	if err != nil {
		return fail(err)
	}
	return numbers, nil
}

// add puts what a look saw into a history.
func (c *capture) add(h *probe.History, step int, numbers [][]float64) error {
	if h.Names == nil {
		for _, r := range c.records {
			h.Names = append(h.Names, r.Name)
		}
	}
	for i, name := range h.Names {
		if len(h.Values) > 0 && len(numbers[i]) != len(h.Values[0][i]) {
			return fmt.Errorf("hook %q after step %d: record %q has %d numbers, and %d after step %d; allowed: always as many",
				c.hook.Name, step, name, len(numbers[i]), len(h.Values[0][i]), h.Steps[0])
		}
	}
	h.Steps, h.Values = append(h.Steps, step), append(h.Values, numbers)
	return nil
}

// start gets the initial values that the hook asks for.
func (c *capture) start(v *view) error {
	c.starts = map[int]*tensors.Tensor{}
	for i := range c.initial {
		if v.initial == nil {
			var err error
			if v.initial, err = v.network.Initial(); err != nil {
				return err
			}
		}
		c.starts[i] = v.initial[i]
	}
	return nil
}

func (c *capture) finalize() {
	if c.exec != nil {
		c.exec.Finalize()
	}
	c.store.Finalize()
}

// captures keeps what is compiled to be used again: networks of one experiment differ in their numbers, not in their graphs, and a
// capture takes longer to compile than to look through.
type captures struct {
	mutex sync.Mutex
	all   map[captureKey]*capture
}

type captureKey struct {
	backend compute.Backend
	graphs  string
	hook    string // its name
}

// capture returns a compiled capture. Only one goroutine may look through those of one backend.
func (c *captures) capture(backend compute.Backend, hook probe.Hook, n *Network, d *resident) (*capture, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	key := captureKey{backend, n.Graphs, hook.Name}
	if found := c.all[key]; found != nil {
		return found, nil
	}
	made, err := newCapture(hook, n)
	if err == nil {
		err = made.compile(backend, d)
	}
	if err != nil {
		return nil, fmt.Errorf("hook %q in network %s: %w", hook.Name, n.Name, err)
	}
	if c.all == nil {
		c.all = map[captureKey]*capture{}
	}
	c.all[key] = made
	return made, nil
}

func (c *captures) finalize() {
	for _, made := range c.all {
		made.finalize()
	}
}

// view is what looks need to know of one network: the minibatches that it trains on, and how it started.
type view struct {
	network *Network
	train   data.Set
	order   *Minibatches
	drawn   int               // steps whose minibatches were drawn from order
	batch   []int32           // the last of them
	initial []*tensors.Tensor // drawn when a hook asks for them
}

func newView(n *Network, train data.Set) *view { return &view{network: n, train: train} }

// minibatch returns the images, [batch, 784], and labels, [batch], of the step that follows the given number of steps. Steps must
// not go back.
func (v *view) minibatch(step int) (images, labels *tensors.Tensor) {
	if v.order == nil {
		v.order, v.batch = NewMinibatches(v.network.Seed, v.train.Len()), make([]int32, v.network.Batch)
	}
	for ; v.drawn <= step; v.drawn++ {
		v.order.Next(v.batch)
	}
	return tensorsOf(Pick(v.train, v.batch))
}

// LookSteps returns the steps, in order, at which a hook looks at a network.
func (s *Spec) LookSteps(hook probe.Hook) []int {
	var steps []int
	if hook.Steps == nil {
		for step := 0; step < s.Steps; step += s.Every {
			steps = append(steps, step)
		}
		return append(steps, s.Steps)
	}
	for _, step := range hook.Steps {
		steps = append(steps, min(step, s.Steps)) // quick mode trains fewer than the hook was told
	}
	slices.Sort(steps)
	return slices.Compact(steps)
}

// look lets the hooks look that are due at the current step.
func (g *group) look(ctx context.Context, p *program) error {
	for i, n := range g.networks {
		for _, hook := range n.Hooks {
			if slices.Contains(n.LookSteps(hook), g.step) {
				if err := g.lookThrough(ctx, hook, i, p); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// lookThrough lets a hook look at network i as it is now.
func (g *group) lookThrough(ctx context.Context, hook probe.Hook, i int, p *program) error {
	c, err := g.captures.capture(p.backend, hook, g.networks[i], p.data)
	if err != nil {
		return err
	}
	var values []*tensors.Tensor
	for _, v := range p.variables[i] {
		value, err := v.Value()
		if err != nil {
			return err
		}
		values = append(values, value)
	}
	numbers, err := c.look(ctx, g.views[i], g.step, values, p.data)
	if err != nil {
		return err
	}
	g.mutex.Lock()
	defer g.mutex.Unlock()
	return c.add(g.jobs[i].Result.seen(hook.Name), g.step, numbers)
}

// seen returns what a hook has recorded so far.
func (r *Result) seen(hook string) *probe.History {
	if r.Seen == nil {
		r.Seen = map[string]*probe.History{}
	}
	if r.Seen[hook] == nil {
		r.Seen[hook] = &probe.History{}
	}
	return r.Seen[hook]
}

// untilLook returns how many steps there are from the given one to the next look, 0 if it is then; more than the training has if
// there is none.
func (g *group) untilLook(from int) int {
	until := g.steps() + 1
	for _, n := range g.networks {
		for _, hook := range n.Hooks {
			for _, step := range n.LookSteps(hook) {
				if step >= from {
					until = min(until, step-from)
					break
				}
			}
		}
	}
	return until
}

// HookDigest returns what tells a hook from others of its name: a digest of what it computes of networks like the given one. It
// finds what is wrong with the hook's graph before a training begins. trainImages and validationImages are how many there are.
func HookDigest(backend compute.Backend, hook probe.Hook, n *Network, trainImages, validationImages int) (string, error) {
	c, err := newCapture(hook, n)
	if err != nil {
		return "", err
	}
	defer c.finalize()
	return c.digest(backend, trainImages, validationImages)
}

// Looker looks inside networks that do not train.
type Looker struct {
	Backend  compute.Backend
	Data     *data.Dataset
	resident *resident
	captures captures
}

// Look returns what a hook sees of a network whose variables have the given values after some step; nil values are the initial ones.
func (l *Looker) Look(hook probe.Hook, n *Network, step int, values []*tensors.Tensor) (*probe.History, error) {
	if l.resident == nil {
		l.resident = newResident(l.Data)
	}
	v := newView(n, l.Data.Train)
	if values == nil {
		var err error
		if v.initial, err = n.Initial(); err != nil {
			return nil, err
		}
		values = v.initial
	}
	h := &probe.History{}
	err := TryCatch(func() error {
		c, err := l.captures.capture(l.Backend, hook, n, l.resident)
		if err != nil {
			return err
		}
		numbers, err := c.look(context.Background(), v, step, values, l.resident)
		if err != nil {
			return err
		}
		return c.add(h, step, numbers)
	})
	finalize(v.initial)
	return h, err
}

// Close frees what is on the device.
func (l *Looker) Close() {
	l.captures.finalize()
	if l.resident != nil {
		l.resident.finalize()
	}
}
