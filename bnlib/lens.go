package bnlib

import (
	"fmt"
	"sync"

	"batchnorm/data"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// lens is a compiled look inside networks whose graphs are the same. It has a program, and a store of variables whose values
// are not used, of its own: what the model function writes to its variables, moving averages and the state of random numbers,
// is not computed.
type lens struct {
	network   Network // one of those
	store     *model.Store
	variables []*model.Variable // in the order of the blueprint
	exec      *Exec

	parameters []ParameterHandle // of the variables in the graph
	places     []place
	values     []*tensors.Tensor // of the variables, at the current look

	images *tensors.Tensor // [images, 784] bytes
}

func newLens(backend compute.Backend, b *blueprint, d *data.Dataset, images int) (*lens, error) {
	l := &lens{
		network: b.network,
		store:   model.NewStore(),
		images:  tensors.FromFlatDataAndDimensions(d.Validation.Images[:images*data.Pixels], images, data.Pixels),
	}
	for _, v := range b.variables {
		value, err := v.initial.LocalClone()
		if err != nil {
			return nil, err
		}
		created, err := l.store.CreateVariable(v.path, value)
		if err != nil {
			return nil, err
		}
		l.variables = append(l.variables, created.SetTrainable(v.trainable))
	}
	var err error
	if l.exec, err = NewExec(backend, l.graph); err != nil {
		return nil, err
	}
	l.exec.SetSideParamsHook(func(_ *Graph, buffers []compute.Buffer, donate []bool) (err error) {
		for i, handle := range l.parameters {
			if buffers[handle], err = l.values[i].Buffer(backend, 0); err != nil {
				return err
			}
		}
		return nil
	})
	return l, nil
}

// graph returns the signals, [images, units] each, and last [1 + 2·trainable variables] float64: the loss on the minibatch, the
// norms of the variables, those of their gradients. images is [images, 784] bytes, batch [batch, 784] bytes, labels [batch].
func (l *lens) graph(images, batch, labels *Node) []*Node {
	g := images.Graph()
	model.SetStore(g, l.store)
	l.store.SetTraining(g, true)
	var values, trainable []*Node
	paths := map[*Node]string{}
	for _, v := range l.variables {
		value := v.NodeValue(g)
		values = append(values, value)
		if v.Trainable {
			trainable = append(trainable, value)
			paths[value] = v.Path()
		}
	}
	l.parameters = nil
	for _, value := range values {
		l.parameters = append(l.parameters, value.GetParameterHandle())
	}
	logits := func(images *Node) *Node {
		for i, v := range l.variables {
			v.SetNodeValue(values[i]) // nothing that an earlier call changed
		}
		scope := l.store.RootScope().WithInitializer(l.network.initializer())
		return l.network.logits(scope, images)
	}

	x := pixels(images)
	before := len(g.Nodes())
	logits(x)
	l.places = places(g.Nodes()[before:], x, paths)
	var results []*Node
	for _, p := range l.places {
		results = append(results, Reshape(ConvertDType(p.node, dtypes.Float32), images.Shape().Dim(0), -1))
	}
	loss := crossEntropy(logits(pixels(batch)), labels)
	sizes := []*Node{ConvertDType(loss, dtypes.Float64)}
	for _, value := range trainable {
		sizes = append(sizes, norm2(value))
	}
	if len(trainable) > 0 {
		for _, gradient := range Gradient(loss, trainable...) {
			sizes = append(sizes, norm2(gradient))
		}
	}
	return append(results, Stack(sizes, 0))
}

// norm2 returns the Euclidean norm of all elements, in float64, where the squares of no float32 overflow.
func norm2(x *Node) *Node { return Sqrt(ReduceAllSum(Square(ConvertDType(x, dtypes.Float64)))) }

// finalize frees what the lens holds on the device.
func (l *lens) finalize() {
	l.exec.Finalize()
	l.store.Finalize()
	l.images.FinalizeAll()
}

// lensCabinet keeps lenses to be used again: networks of one experiment differ in their numbers, not in their graphs, and a lens
// takes longer to compile than to look through.
type lensCabinet struct {
	mutex  sync.Mutex
	lenses map[lensKey]*lens
}

type lensKey struct {
	backend compute.Backend
	graphs  string
}

// lens returns a lens for a network. Only one goroutine may look through lenses of one backend.
func (c *lensCabinet) lens(backend compute.Backend, b *blueprint, d *data.Dataset, images int) (*lens, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	key := lensKey{backend, b.graphs}
	if l := c.lenses[key]; l != nil {
		return l, nil
	}
	l, err := newLens(backend, b, d, images)
	if err != nil {
		return nil, err
	}
	if c.lenses == nil {
		c.lenses = map[lensKey]*lens{}
	}
	c.lenses[key] = l
	return l, nil
}

func (c *lensCabinet) finalize() {
	for _, l := range c.lenses {
		l.finalize()
	}
}

// view is a lens on one network, with the minibatches that it trains on.
type view struct {
	*lens
	network Network
	train   data.Set
	order   *batchOrder
	drawn   int     // steps whose minibatches were drawn from order
	batch   []int32 // the last of them
}

func newView(l *lens, n Network, train data.Set) view {
	return view{lens: l, network: n, train: train, order: newBatchOrder(n.Seed, train.Len()), batch: make([]int32, n.Batch)}
}

// look takes a snapshot of the network after some step, given the values of its variables in the order of its blueprint. Steps
// must not go back.
func (v *view) look(step int, values []*tensors.Tensor) (Snapshot, error) {
	images := v.images.Shape().Dim(0)
	snapshot := Snapshot{Step: step, Images: images}
	batch, labels := v.minibatch(step)
	defer batch.FinalizeAll()
	defer labels.FinalizeAll()
	v.values = values
	results, err := v.exec.Call(v.images, batch, labels)
	if err != nil {
		return snapshot, fmt.Errorf("looking inside network %s after step %d: %w", v.network.describe(), step, err)
	}
	defer func() {
		for _, r := range results {
			r.FinalizeAll()
		}
	}()
	for i, p := range v.places {
		s := Signal{Layer: p.layer, Kind: p.kind, Units: results[i].Shape().Dim(1)}
		if err := tensors.ConstFlatData(results[i], func(values []float32) { summarize(&s, values, p.activation) }); err != nil {
			return snapshot, err
		}
		snapshot.Signals = append(snapshot.Signals, s)
	}
	sizes, err := tensors.CopyFlatData[float64](results[len(v.places)])
	if err != nil {
		return snapshot, err
	}
	snapshot.Loss = sizes[0]
	norms := sizes[1 : 1+len(sizes)/2]
	gradients := sizes[1+len(sizes)/2:]
	for _, variable := range v.variables {
		if variable.Trainable {
			i := len(snapshot.Parameters)
			snapshot.Parameters = append(snapshot.Parameters, ParameterSizes{
				Name:     variable.Path()[1:],
				Norm:     norms[i],
				Gradient: gradients[i],
				Update:   v.network.LearningRate * gradients[i],
			})
		}
	}
	return snapshot, nil
}

// minibatch returns the images, [batch, 784], and labels, [batch], of the step that follows the given number of steps.
func (v *view) minibatch(step int) (images, labels *tensors.Tensor) {
	for ; v.drawn <= step; v.drawn++ {
		v.order.fill(v.batch)
	}
	pixels := make([]uint8, 0, len(v.batch)*data.Pixels)
	classes := make([]uint8, 0, len(v.batch))
	for _, i := range v.batch {
		pixels = append(pixels, v.train.Image(int(i))...)
		classes = append(classes, v.train.Labels[i])
	}
	return tensors.FromFlatDataAndDimensions(pixels, len(v.batch), data.Pixels),
		tensors.FromFlatDataAndDimensions(widen(classes), len(v.batch))
}
