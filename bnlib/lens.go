package bnlib

import (
	"fmt"

	"batchnorm/data"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// lens is a compiled look inside one network. It has a program, and a store of variables without values, of its own: what
// the model function writes to its variables, moving averages and the state of random numbers, is not computed.
type lens struct {
	backend   compute.Backend
	blueprint *blueprint
	store     *model.Store
	variables []*model.Variable // in the blueprint's order
	exec      *Exec

	parameters []ParameterHandle // of the variables in the graph
	places     []place
	values     []*tensors.Tensor // of the variables, at the current look

	train  data.Set
	images *tensors.Tensor // [images, 784] bytes
	order  *batchOrder
	drawn  int     // steps whose minibatches were drawn from order
	batch  []int32 // the last of them
}

func newLens(backend compute.Backend, b *blueprint, d *data.Dataset, images int) (*lens, error) {
	l := &lens{
		backend:   backend,
		blueprint: b,
		store:     model.NewStore(),
		train:     d.Train,
		images:    tensors.FromFlatDataAndDimensions(d.Validation.Images[:images*data.Pixels], images, data.Pixels),
		order:     newBatchOrder(b.network.Seed, d.Train.Len()),
		batch:     make([]int32, b.network.Batch),
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
		scope := l.store.RootScope().WithInitializer(l.blueprint.network.initializer())
		return l.blueprint.network.logits(scope, images)
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

// look takes a snapshot of the network after some step, given the values of its variables in the order of its blueprint. Steps
// must not go back.
func (l *lens) look(step int, values []*tensors.Tensor) (Snapshot, error) {
	images := l.images.Shape().Dim(0)
	snapshot := Snapshot{Step: step, Images: images}
	batch, labels := l.minibatch(step)
	defer batch.FinalizeAll()
	defer labels.FinalizeAll()
	l.values = values
	results, err := l.exec.Call(l.images, batch, labels)
	if err != nil {
		return snapshot, fmt.Errorf("looking inside network %s after step %d: %w", l.blueprint.network.describe(), step, err)
	}
	defer func() {
		for _, r := range results {
			r.FinalizeAll()
		}
	}()
	for i, p := range l.places {
		s := Signal{Layer: p.layer, Kind: p.kind, Units: results[i].Shape().Dim(1)}
		if err := tensors.ConstFlatData(results[i], func(values []float32) { summarize(&s, values, p.activation) }); err != nil {
			return snapshot, err
		}
		snapshot.Signals = append(snapshot.Signals, s)
	}
	sizes, err := tensors.CopyFlatData[float64](results[len(l.places)])
	if err != nil {
		return snapshot, err
	}
	snapshot.Loss = sizes[0]
	norms := sizes[1 : 1+len(sizes)/2]
	gradients := sizes[1+len(sizes)/2:]
	for _, v := range l.variables {
		if v.Trainable {
			i := len(snapshot.Parameters)
			snapshot.Parameters = append(snapshot.Parameters, ParameterSizes{
				Name:     v.Path()[1:],
				Norm:     norms[i],
				Gradient: gradients[i],
				Update:   l.blueprint.network.LearningRate * gradients[i],
			})
		}
	}
	return snapshot, nil
}

// minibatch returns the images, [batch, 784], and labels, [batch], of the step that follows the given number of steps.
func (l *lens) minibatch(step int) (images, labels *tensors.Tensor) {
	for ; l.drawn <= step; l.drawn++ {
		l.order.fill(l.batch)
	}
	pixels := make([]uint8, 0, len(l.batch)*data.Pixels)
	classes := make([]uint8, 0, len(l.batch))
	for _, i := range l.batch {
		pixels = append(pixels, l.train.Image(int(i))...)
		classes = append(classes, l.train.Labels[i])
	}
	return tensors.FromFlatDataAndDimensions(pixels, len(l.batch), data.Pixels),
		tensors.FromFlatDataAndDimensions(widen(classes), len(l.batch))
}

// finalize frees what the lens holds on the device.
func (l *lens) finalize() {
	l.exec.Finalize()
	l.store.Finalize()
	l.images.FinalizeAll()
}

// probing is the part of a session that looks inside its networks.
type probing struct {
	lenses []*lens // of the session's networks; made at the first look
}

// look adds a snapshot to the runs if the probe asks for one at the current step.
func (s *session) look() error {
	probe := s.options.Probe
	if probe == nil || s.untilLook(s.step) != 0 {
		return nil
	}
	for len(s.lenses) < len(s.jobs) {
		j := s.jobs[len(s.lenses)]
		l, err := newLens(s.program.backend, j.blueprint, s.options.Data, probe.images(s.options.Data.Validation.Len()))
		if err != nil {
			return err
		}
		s.lenses = append(s.lenses, l)
	}
	for i, j := range s.jobs {
		values, err := s.program.values(i)
		if err != nil {
			return err
		}
		snapshot, err := s.lenses[i].look(s.step, values)
		if err != nil {
			return err
		}
		s.mutex.Lock()
		j.run.Snapshots = append(j.run.Snapshots, snapshot)
		s.mutex.Unlock()
	}
	return nil
}

// untilLook returns how many steps there are from the given one to the probe's next look, 0 if it is now; very many if
// there is none.
func (s *session) untilLook(from int) int {
	if s.options.Probe != nil {
		for _, step := range s.options.Probe.steps(s.jobs[0].network) {
			if step >= from {
				return step - from
			}
		}
	}
	return s.steps + 1
}

func (p *probing) finalize() {
	for _, l := range p.lenses {
		l.finalize()
	}
}

// values returns the variables of network i as they are now, in the order of its blueprint. They change with the next step.
func (p *program) values(i int) ([]*tensors.Tensor, error) {
	var values []*tensors.Tensor
	for _, v := range p.variables[i] {
		value, err := v.Value()
		if err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return values, nil
}
