package engine

import (
	"context"
	"fmt"
	"slices"

	"batchnorm/data"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// program is one compiled program that trains several networks in lockstep: at each step the networks of one seed see the
// same minibatch. Learning rates, minibatches and the values of the variables are given to it, so that it serves every
// group of networks with the same graphs.
//
// On XLA the loop over steps runs on the device (deviceLoop); elsewhere one step is compiled and the host repeats it
// (hostStep).
type program struct {
	backend  compute.Backend
	like     *group // one that it serves
	networks []*Network

	store     *model.Store
	scopes    []string            // of each network in store
	variables [][]*model.Variable // of each network, in the order of its trace
	rate      map[*model.Variable]int

	data     *resident
	advance  *model.Exec
	evaluate *model.Exec

	compiled chan error // of a compilation under way; nil: none was begun
	done     bool       // and it succeeded
	failed   error      // or not
}

// newProgram returns a program, not compiled, for groups like the given one.
func newProgram(backend compute.Backend, like *group, d *resident) *program {
	return &program{backend: backend, like: like, networks: like.networks, data: d}
}

// trains reports whether the program serves a group: whether that and the group that the program was made for differ in
// nothing but numbers.
func (p *program) trains(g *group) bool {
	l := p.like
	return l.batch == g.batch && l.chunk == g.chunk && l.decays == g.decays && l.scheduled == g.scheduled &&
		slices.Equal(l.minibatch, g.minibatch) &&
		slices.EqualFunc(l.networks, g.networks, func(a, b *Network) bool { return a.Graphs == b.Graphs })
}

// loopsOnDevice reports whether a While with gradients inside works on the backend: on XLA. The pure-Go backend has no
// gradient of a reduction there.
func loopsOnDevice(backend compute.Backend) bool { return backend.Name() == "xla" }

// addNetwork gives the network's variables a scope of their own in the program's store, without values.
func (p *program) addNetwork(i int, n *Network) error {
	scope := model.JoinPath(model.RootScopePath, fmt.Sprintf("network_%d", i))
	p.scopes = append(p.scopes, scope)
	var variables []*model.Variable
	for _, v := range n.Variables {
		path := scope + v.path()
		if v.path() == rngPath {
			path = rngPath // the state of the random numbers belongs to the store; such a network has the program for itself
		}
		created, err := p.store.CreateVariable(path, tensors.FromShape(v.Shape))
		if err != nil {
			return err
		}
		if err := created.Reset(); err != nil {
			return err
		}
		p.rate[created] = len(p.rate)
		variables = append(variables, created.SetTrainable(v.Trainable))
	}
	p.variables = append(p.variables, variables)
	return nil
}

// scope returns a fresh scope in which network i builds itself.
func (p *program) scope(i int) *model.Scope { return p.store.Scope(p.scopes[i]) }

// settings are the numbers that a step is given: rates and decays are [variables of all networks], factors [steps of a chunk].
// decays and factors are nil where the networks have none.
type settings struct{ rates, decays, factors *Node }

// step builds one training step of every network. images is [minibatches][batch, 784] in [0, 1], labels [minibatches][batch];
// factor multiplies all rates, a scalar, nil for 1. It returns the training losses, [networks].
func (p *program) step(images, labels []*Node, s settings, factor *Node) *Node {
	rate := func(v *model.Variable) *Node {
		r := Reshape(Slice(s.rates, AxisElem(p.rate[v])))
		if factor != nil {
			r = Mul(r, factor)
		}
		return r
	}
	var decay func(v *model.Variable) *Node
	if s.decays != nil {
		decay = func(v *model.Variable) *Node { return Reshape(Slice(s.decays, AxisElem(p.rate[v]))) }
	}
	losses := make([]*Node, len(p.networks))
	for i, n := range p.networks {
		scope, m := p.scope(i), p.like.minibatch[i]
		losses[i] = CrossEntropy(n.logits(scope, images[m]), labels[m])
		descend(scope, losses[i], rate, decay)
	}
	return Stack(losses, 0)
}

// deviceLoop makes the steps from start up to, not including, stop, and returns the training losses, [chunk, networks], of
// which the rows from start to stop are set. inputs are start, stop, images [train, 784] bytes, labels [train], indices
// [minibatches, chunk, batch] and the settings.
func (p *program) deviceLoop(scope *model.Scope, inputs []*Node) *Node {
	g := inputs[0].Graph()
	p.store.SetTraining(g, true)
	var variables []*model.Variable
	for v := range p.store.IterVariables() {
		variables = append(variables, v)
	}
	// Const, not Zeros: the graph caches scalars and would hand this one to the loop's body, which cannot use it.
	losses := Const(g, tensors.FromFlatDataAndDimensions(make([]float32, p.like.chunk*len(p.networks)), p.like.chunk, len(p.networks)))
	state := append(slices.Clone(inputs), losses)
	own := len(state)
	for _, v := range variables {
		state = append(state, v.NodeValue(g))
	}
	parameters := func(g *Graph) []*Node {
		nodes := make([]*Node, len(state))
		for i, s := range state {
			nodes[i] = Parameter(g, fmt.Sprintf("state_%d", i), s.Shape())
		}
		return nodes
	}

	condition := NewClosure(g, func(g *Graph) []*Node {
		s := parameters(g)
		return []*Node{LessThan(s[0], s[1])}
	})
	body := NewClosure(g, func(g *Graph) []*Node {
		s := parameters(g)
		step, images, labels, indices, losses := s[0], s[2], s[3], s[4], s[own-1]
		settings := p.settings(s[5 : own-1])
		for i, v := range variables {
			v.SetNodeValue(s[own+i])
		}
		zero := Const(g, int32(0))
		var batchImages, batchLabels []*Node
		for m := range p.like.orders {
			index := DynamicSlice(indices, []*Node{Const(g, int32(m)), step, zero}, []int{1, 1, p.like.batch})
			index = Reshape(index, p.like.batch, 1)
			batchImages = append(batchImages, Pixels(Gather(images, index)))
			batchLabels = append(batchLabels, Gather(labels, index))
		}
		var factor *Node
		if settings.factors != nil {
			factor = Reshape(DynamicSlice(settings.factors, []*Node{step}, []int{1}))
		}
		row := ExpandAxes(p.step(batchImages, batchLabels, settings, factor), 0)
		s[0] = Add(step, Const(g, int32(1)))
		s[own-1] = DynamicUpdateSlice(losses, row, []*Node{step, zero})
		for i, v := range variables {
			s[own+i] = v.NodeValue(g)
		}
		return s
	})
	results := While(condition, body, state...)
	for i, v := range variables {
		v.SetNodeValue(results[own+i])
	}
	return results[own-1]
}

// settings sorts the nodes that hold settings, as group.settings gives them.
func (p *program) settings(nodes []*Node) settings {
	s := settings{rates: nodes[0]}
	next := 1
	if p.like.decays {
		s.decays = nodes[next]
		next++
	}
	if p.like.scheduled {
		s.factors = nodes[next]
	}
	return s
}

// hostStep makes one step. inputs are images [minibatches, batch, 784] bytes, labels [minibatches, batch], the step within its
// chunk, and the settings; it returns the training losses, [networks].
func (p *program) hostStep(scope *model.Scope, inputs []*Node) *Node {
	images, labels, step := inputs[0], inputs[1], inputs[2]
	p.store.SetTraining(images.Graph(), true)
	settings := p.settings(inputs[3:])
	var batchImages, batchLabels []*Node
	for m := range p.like.orders {
		batchImages = append(batchImages, Pixels(Reshape(Slice(images, AxisElem(m)), p.like.batch, data.Pixels)))
		batchLabels = append(batchLabels, Reshape(Slice(labels, AxisElem(m)), p.like.batch))
	}
	var factor *Node
	if settings.factors != nil {
		factor = Reshape(DynamicSlice(settings.factors, []*Node{step}, []int{1}))
	}
	return p.step(batchImages, batchLabels, settings, factor)
}

// evaluateGraph returns mean loss, [networks], the number of images classified right, [networks], and of those given each
// class, [networks, 10], in inference. images is [n, 784] bytes, labels [n].
func (p *program) evaluateGraph(scope *model.Scope, images, labels *Node) (losses, rights, tallies *Node) {
	p.store.SetTraining(images.Graph(), false)
	x := Pixels(images)
	var loss, right, each []*Node
	for i, n := range p.networks {
		logits := n.logits(p.scope(i), x)
		loss = append(loss, CrossEntropy(logits, labels))
		predicted := predictions(logits)
		right = append(right, correct(predicted, labels))
		each = append(each, tally(predicted))
	}
	return Stack(loss, 0), Stack(right, 0), Stack(each, 0)
}

// compile compiles the training program if that is not done yet, so that its time does not count as training. If ctx ends it
// returns at once, and the compilation goes on: see finalize.
func (p *program) compile(ctx context.Context) error {
	if p.done || p.failed != nil {
		return p.failed
	}
	p.compiled = make(chan error, 1)
	go func() { p.compiled <- TryCatch(p.build) }()
	select {
	case <-ctx.Done():
		return fmt.Errorf("training cancelled while compiling: %w", ctx.Err())
	case err := <-p.compiled:
		p.compiled = nil
		if err != nil {
			p.failed = fmt.Errorf("compiling %s: %w", p.like, err)
			return p.failed
		}
		p.done = true
		return nil
	}
}

func (p *program) build() error {
	p.store = model.NewStore()
	p.rate = map[*model.Variable]int{}
	for i, n := range p.networks {
		if err := p.addNetwork(i, n); err != nil {
			return err
		}
	}
	var err error
	if p.evaluate, err = model.NewExec(p.backend, p.store, p.evaluateGraph); err != nil {
		return err
	}
	if loopsOnDevice(p.backend) {
		p.advance, err = model.NewExec(p.backend, p.store, p.deviceLoop)
	} else {
		p.advance, err = model.NewExec(p.backend, p.store, p.hostStep)
	}
	if err != nil {
		return err
	}
	_, err = p.advance.Compile(p.inputs()...)
	return err
}

// inputs returns the shapes of what the training program is given.
func (p *program) inputs() []shapes.Shape {
	l := p.like
	i32, u8 := dtypes.Int32, dtypes.Uint8
	inputs := []shapes.Shape{shapes.Make(u8, len(l.orders), l.batch, data.Pixels), shapes.Make(i32, len(l.orders), l.batch), shapes.Make(i32)}
	if loopsOnDevice(p.backend) {
		inputs = []shapes.Shape{shapes.Make(i32), shapes.Make(i32),
			p.data.train.images.Shape(), p.data.train.labels.Shape(), shapes.Make(i32, len(l.orders), l.chunk, l.batch)}
	}
	for _, s := range l.settings() {
		inputs = append(inputs, s.Shape())
	}
	return inputs
}

// steps makes the steps of a group from start up to, not including, stop of its current chunk. It returns their training
// losses, [stop−start][networks] in one slice.
func (p *program) steps(of *group, start, stop int) ([]float32, error) {
	networks := len(p.networks)
	call := func(inputs ...any) ([]float32, error) {
		for _, s := range of.settings() {
			inputs = append(inputs, s)
		}
		losses, err := p.advance.Call1(inputs...)
		if err != nil {
			return nil, err
		}
		defer losses.FinalizeAll()
		return tensors.CopyFlatData[float32](losses)
	}
	if loopsOnDevice(p.backend) {
		all, err := call(int32(start), int32(stop), p.data.train.images, p.data.train.labels, of.onDevice.indices)
		if err != nil {
			return nil, err
		}
		return all[start*networks : stop*networks], nil
	}
	var all []float32
	for step := start; step < stop; step++ {
		images, labels := of.gather(p.data.train.set, step)
		losses, err := call(images, labels, int32(step))
		finalize([]*tensors.Tensor{images, labels})
		if err != nil {
			return nil, err
		}
		all = append(all, losses...)
	}
	return all, nil
}

// score is what a network makes of a set of images.
type score struct {
	loss, accuracy float64
	answers        [data.Classes]int
}

// scores evaluates every network on a set, in the pieces in which it lies on the device.
func (p *program) scores(pieces []piece) ([]score, error) {
	total, images := make([]score, len(p.networks)), 0
	for _, piece := range pieces {
		losses, rights, tallies, err := p.evaluate.Call3(piece.images, piece.labels)
		if err != nil {
			return nil, err
		}
		loss, right := tensors.MustCopyFlatData[float32](losses), tensors.MustCopyFlatData[int32](rights)
		each := tensors.MustCopyFlatData[int32](tallies)
		finalize([]*tensors.Tensor{losses, rights, tallies})
		n := piece.set.Len()
		images += n
		for i := range total {
			total[i].loss += float64(loss[i]) * float64(n)
			total[i].accuracy += float64(right[i])
			for class := range data.Classes {
				total[i].answers[class] += int(each[i*data.Classes+class])
			}
		}
	}
	for i := range total {
		total[i].loss /= float64(images)
		total[i].accuracy /= float64(images)
	}
	return total, nil
}

// wait waits for a compilation that nobody waited for.
func (p *program) wait() {
	if p.compiled != nil {
		<-p.compiled
	}
}

// finalize frees what the program holds on the device.
func (p *program) finalize() {
	for _, exec := range []*model.Exec{p.advance, p.evaluate} {
		if exec != nil {
			exec.Finalize()
		}
	}
	if p.store != nil {
		p.store.Finalize()
	}
}
