package bnlib

import (
	"fmt"

	"batchnorm/data"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// program is one compiled program that trains several networks in lockstep: at each step the networks of one seed see the
// same minibatch.
//
// On XLA the loop over steps runs on the device (deviceLoop); elsewhere one step is compiled and the host repeats it
// (hostStep).
type program struct {
	backend  compute.Backend
	networks []*blueprint
	order    []*batchOrder // one for each distinct seed
	seed     []int         // network → its index in order
	batch    int
	chunk    int // most steps between two evaluations

	store     *model.Store
	scopes    []string            // of each network in store
	variables [][]*model.Variable // of each network, in the order of its blueprint
	rates     *tensors.Tensor     // [networks] learning rates

	data     *resident
	advance  *model.Exec
	evaluate *model.Exec

	indices [][]int32       // [seed][chunk·batch] images of the steps up to the next evaluation
	resting *tensors.Tensor // indices as the device loop takes them, [seeds, chunk, batch]
}

func newProgram(backend compute.Backend, networks []*blueprint, d *resident) (*program, error) {
	first := networks[0].network
	p := &program{
		backend:  backend,
		networks: networks,
		batch:    first.Batch,
		chunk:    min(first.Every, first.Steps),
		store:    model.NewStore(),
		data:     d,
	}
	seeds := map[uint64]int{}
	rates := make([]float32, len(networks))
	for i, b := range networks {
		index, ok := seeds[b.network.Seed]
		if !ok {
			index = len(p.order)
			seeds[b.network.Seed] = index
			p.order = append(p.order, newBatchOrder(b.network.Seed, d.train.set.Len()))
			p.indices = append(p.indices, make([]int32, p.chunk*p.batch))
		}
		p.seed = append(p.seed, index)
		rates[i] = float32(b.network.LearningRate)
		if err := p.addNetwork(i, b); err != nil {
			return nil, err
		}
	}
	p.rates = tensors.FromFlatDataAndDimensions(rates, len(rates))

	var err error
	if p.evaluate, err = model.NewExec(backend, p.store, p.evaluateGraph); err != nil {
		return nil, err
	}
	if !loopsOnDevice(backend) {
		p.advance, err = model.NewExec(backend, p.store, p.hostStep)
		return p, err
	}
	p.advance, err = model.NewExec(backend, p.store, p.deviceLoop)
	return p, err
}

// loopsOnDevice reports whether a While with gradients inside works on the backend: on XLA. The pure-Go backend has no
// gradient of a reduction there.
func loopsOnDevice(backend compute.Backend) bool { return backend.Name() == "xla" }

// addNetwork gives the network's variables a scope of their own in the program's store.
func (p *program) addNetwork(i int, b *blueprint) error {
	scope := model.JoinPath(model.RootScopePath, fmt.Sprintf("network_%d", i))
	p.scopes = append(p.scopes, scope)
	var variables []*model.Variable
	for _, v := range b.variables {
		path := scope + v.path
		if v.path == model.JoinPath(model.RootScopePath, model.RNGStateVariableName) {
			path = v.path // the state of the random numbers belongs to the store; such a network has the program for itself
		}
		value, err := v.initial.LocalClone()
		if err != nil {
			return err
		}
		created, err := p.store.CreateVariable(path, value)
		if err != nil {
			return err
		}
		variables = append(variables, created.SetTrainable(v.trainable))
	}
	p.variables = append(p.variables, variables)
	return nil
}

// scope returns a fresh scope in which network i builds itself.
func (p *program) scope(i int) *model.Scope {
	return p.store.Scope(p.scopes[i]).WithInitializer(p.networks[i].network.initializer())
}

// step builds one training step of every network. images is [seeds][batch, 784] in [0, 1], labels [seeds][batch]; rates is
// [networks]. It returns the training losses, [networks].
func (p *program) step(images, labels []*Node, rates *Node) *Node {
	losses := make([]*Node, len(p.networks))
	for i, b := range p.networks {
		scope, seed := p.scope(i), p.seed[i]
		losses[i] = crossEntropy(b.network.logits(scope, images[seed]), labels[seed])
		descend(scope, losses[i], Reshape(Slice(rates, AxisElem(i))))
	}
	return Stack(losses, 0)
}

// deviceLoop makes the steps from start up to, not including, stop, and returns the training losses, [chunk, networks], of
// which the rows from start to stop are set. images is [train, 784] bytes, labels [train], indices [seeds, chunk, batch],
// rates [networks].
func (p *program) deviceLoop(scope *model.Scope, images, labels, indices, rates, start, stop *Node) *Node {
	g := images.Graph()
	p.store.SetTraining(g, true)
	var variables []*model.Variable
	for v := range p.store.IterVariables() {
		variables = append(variables, v)
	}
	// Const, not Zeros: the graph caches scalars and would hand this one to the loop's body, which cannot use it.
	losses := Const(g, tensors.FromFlatDataAndDimensions(make([]float32, p.chunk*len(p.networks)), p.chunk, len(p.networks)))
	state := []*Node{start, stop, images, labels, indices, rates, losses}
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
		step, images, labels, indices, rates, losses := s[0], s[2], s[3], s[4], s[5], s[6]
		for i, v := range variables {
			v.SetNodeValue(s[own+i])
		}
		zero := Const(g, int32(0))
		var batchImages, batchLabels []*Node
		for seed := range p.order {
			index := DynamicSlice(indices, []*Node{Const(g, int32(seed)), step, zero}, []int{1, 1, p.batch})
			index = Reshape(index, p.batch, 1)
			batchImages = append(batchImages, pixels(Gather(images, index)))
			batchLabels = append(batchLabels, Gather(labels, index))
		}
		row := ExpandAxes(p.step(batchImages, batchLabels, rates), 0)
		s[0] = Add(step, Const(g, int32(1)))
		s[6] = DynamicUpdateSlice(losses, row, []*Node{step, zero})
		for i, v := range variables {
			s[own+i] = v.NodeValue(g)
		}
		return s
	})
	results := While(condition, body, state...)
	for i, v := range variables {
		v.SetNodeValue(results[own+i])
	}
	return results[6]
}

// hostStep makes one step. images is [seeds, batch, 784] bytes, labels [seeds, batch], rates [networks]; it returns the
// training losses, [networks].
func (p *program) hostStep(scope *model.Scope, images, labels, rates *Node) *Node {
	p.store.SetTraining(images.Graph(), true)
	var batchImages, batchLabels []*Node
	for seed := range p.order {
		batchImages = append(batchImages, pixels(Reshape(Slice(images, AxisElem(seed)), p.batch, data.Pixels)))
		batchLabels = append(batchLabels, Reshape(Slice(labels, AxisElem(seed)), p.batch))
	}
	return p.step(batchImages, batchLabels, rates)
}

// evaluateGraph returns mean loss, [networks], the number of images classified right, [networks], and of those given each
// class, [networks, 10], in inference. images is [n, 784] bytes, labels [n].
func (p *program) evaluateGraph(scope *model.Scope, images, labels *Node) (losses, rights, tallies *Node) {
	p.store.SetTraining(images.Graph(), false)
	x := pixels(images)
	var loss, right, each []*Node
	for i, b := range p.networks {
		logits := b.network.logits(p.scope(i), x)
		loss = append(loss, crossEntropy(logits, labels))
		answer := answers(logits)
		right = append(right, correct(answer, labels))
		each = append(each, tally(answer))
	}
	return Stack(loss, 0), Stack(right, 0), Stack(each, 0)
}

// compile compiles the training program, so that its time does not count as training.
func (p *program) compile() error {
	seeds, networks := len(p.order), len(p.networks)
	i32, u8, f32 := dtypes.Int32, dtypes.Uint8, dtypes.Float32
	inputs := []shapes.Shape{
		shapes.Make(u8, seeds, p.batch, data.Pixels), shapes.Make(i32, seeds, p.batch), shapes.Make(f32, networks),
	}
	if loopsOnDevice(p.backend) {
		inputs = []shapes.Shape{
			p.data.train.images.Shape(), p.data.train.labels.Shape(), shapes.Make(i32, seeds, p.chunk, p.batch),
			shapes.Make(f32, networks), shapes.Make(i32), shapes.Make(i32),
		}
	}
	_, err := p.advance.Compile(inputs...)
	return err
}

// next draws the batches of the next chunk of steps.
func (p *program) next() {
	var flat []int32
	for seed, order := range p.order {
		order.fill(p.indices[seed])
		flat = append(flat, p.indices[seed]...)
	}
	p.resting = tensors.FromFlatDataAndDimensions(flat, len(p.order), p.chunk, p.batch)
}

// steps makes the steps from start up to, not including, stop of the current chunk. It returns their training losses,
// [stop−start][networks] in one slice.
func (p *program) steps(start, stop int) ([]float32, error) {
	networks := len(p.networks)
	if loopsOnDevice(p.backend) {
		losses, err := p.advance.Call1(p.data.train.images, p.data.train.labels, p.resting, p.rates, int32(start), int32(stop))
		if err != nil {
			return nil, err
		}
		defer losses.FinalizeAll()
		all, err := tensors.CopyFlatData[float32](losses)
		if err != nil {
			return nil, err
		}
		return all[start*networks : stop*networks], nil
	}
	var all []float32
	for step := start; step < stop; step++ {
		images, labels := p.gather(step)
		losses, err := p.advance.Call1(images, labels, p.rates)
		if err != nil {
			return nil, err
		}
		values, err := tensors.CopyFlatData[float32](losses)
		if err != nil {
			return nil, err
		}
		all = append(all, values...)
		losses.FinalizeAll()
	}
	return all, nil
}

// gather returns the minibatch of one step for each seed.
func (p *program) gather(step int) (images, labels *tensors.Tensor) {
	pixels := make([]uint8, 0, len(p.order)*p.batch*data.Pixels)
	classes := make([]uint8, 0, len(p.order)*p.batch)
	for seed := range p.order {
		pixels, classes = appendImages(pixels, classes, p.data.train.set, p.indices[seed][step*p.batch:(step+1)*p.batch])
	}
	return tensors.FromFlatDataAndDimensions(pixels, len(p.order), p.batch, data.Pixels),
		tensors.FromFlatDataAndDimensions(widen(classes), len(p.order), p.batch)
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
		for _, t := range []*tensors.Tensor{losses, rights, tallies} {
			t.FinalizeAll()
		}
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

// weights returns the variables of network i as they are now.
func (p *program) weights(i int) ([]Weight, error) {
	var values []*tensors.Tensor
	for _, v := range p.variables[i] {
		value, err := v.Value()
		if err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return p.networks[i].weights(values)
}

// finalize frees what the program holds on the device.
func (p *program) finalize() {
	p.advance.Finalize()
	p.evaluate.Finalize()
	p.store.Finalize()
	for _, t := range []*tensors.Tensor{p.resting, p.rates} {
		if t != nil {
			t.FinalizeAll()
		}
	}
}
