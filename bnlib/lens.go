package bnlib

import (
	"fmt"
	"math"
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

// graph returns the signals, [images, units] each; the loss on the minibatch; the trainable variables; and the gradients of the
// loss with respect to them: all float32. images is [images, 784] bytes, batch [batch, 784] bytes, labels [batch].
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
		results = append(results, Reshape(p.node, images.Shape().Dim(0), -1))
	}
	loss := crossEntropy(logits(pixels(batch)), labels)
	results = append(append(results, loss), trainable...)
	if len(trainable) > 0 {
		results = append(results, Gradient(loss, trainable...)...)
	}
	for i, r := range results {
		results[i] = ConvertDType(r, dtypes.Float32)
	}
	return results
}

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

// view is what a lens needs to know of one network: which, and the minibatches that it trains on.
type view struct {
	network Network
	train   data.Set
	order   *batchOrder
	drawn   int     // steps whose minibatches were drawn from order
	batch   []int32 // the last of them
}

func newView(n Network, train data.Set) view {
	return view{network: n, train: train, order: newBatchOrder(n.Seed, train.Len()), batch: make([]int32, n.Batch)}
}

// look takes a snapshot of the network through a lens, after some step, given the values of its variables in the order of its blueprint. Steps
// must not go back.
func (v *view) look(l *lens, step int, values []*tensors.Tensor) (Snapshot, error) {
	images := l.images.Shape().Dim(0)
	snapshot := Snapshot{Step: step, Images: images}
	batch, labels := v.minibatch(step)
	defer batch.FinalizeAll()
	defer labels.FinalizeAll()
	l.values = values
	results, err := l.exec.Call(l.images, batch, labels)
	if err != nil {
		return snapshot, fmt.Errorf("looking inside network %s after step %d: %w", v.network.describe(), step, err)
	}
	defer func() {
		for _, r := range results {
			r.FinalizeAll()
		}
	}()
	next := 0
	each := func(do func(values []float32)) {
		if err == nil {
			err = tensors.ConstFlatData(results[next], do)
		}
		next++
	}
	for _, p := range l.places {
		s := Signal{Layer: p.layer, Kind: p.kind, Units: results[next].Shape().Dim(1)}
		each(func(values []float32) { summarize(&s, values, p.activation) })
		snapshot.Signals = append(snapshot.Signals, s)
	}
	each(func(loss []float32) { snapshot.Loss = float64(loss[0]) })
	for _, variable := range l.variables {
		if variable.Trainable {
			p := ParameterSizes{Name: variable.Path()[1:]}
			each(func(values []float32) { p.Norm = euclidean(values) })
			snapshot.Parameters = append(snapshot.Parameters, p)
		}
	}
	for i := range snapshot.Parameters {
		p := &snapshot.Parameters[i]
		each(func(values []float32) { p.Gradient = euclidean(values) })
		p.Update = v.network.LearningRate * p.Gradient
	}
	return snapshot, err
}

// euclidean returns the norm, in float64, where the squares of no float32 overflow.
func euclidean(values []float32) float64 {
	var sum [4]float64 // several sums, so that one addition does not wait for another
	for ; len(values) >= len(sum); values = values[len(sum):] {
		for k, v := range values[:len(sum)] {
			sum[k] += float64(v) * float64(v)
		}
	}
	for _, v := range values {
		sum[0] += float64(v) * float64(v)
	}
	return math.Sqrt(sum[0] + sum[1] + sum[2] + sum[3])
}

// minibatch returns the images, [batch, 784], and labels, [batch], of the step that follows the given number of steps.
func (v *view) minibatch(step int) (images, labels *tensors.Tensor) {
	for ; v.drawn <= step; v.drawn++ {
		v.order.fill(v.batch)
	}
	pixels := make([]uint8, 0, len(v.batch)*data.Pixels)
	classes := make([]uint8, 0, len(v.batch))
	pixels, classes = appendImages(pixels, classes, v.train, v.batch)
	return tensors.FromFlatDataAndDimensions(pixels, len(v.batch), data.Pixels),
		tensors.FromFlatDataAndDimensions(widen(classes), len(v.batch))
}
