package parallel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"batchnorm/bnlib"
	"batchnorm/bnlib/backend"
	"batchnorm/bnlib/internal/engine"
	"batchnorm/data"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/distributed"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// Options says how to train. Nil, and the zero value of each field, stand for the default.
type Options struct {
	Data *data.Dataset // default: MNIST
	Deal Deal          // of each minibatch; default: InTurn

	// Look is called before the first step, then every Experiment.Every steps, and at the end, with what Result.Runs will be: the
	// network as each device has it. An error ends the training.
	Look func(step int, devices []*bnlib.Run) error
}

// Result is what a training on several devices left behind.
type Result struct {
	// Runs has the network as each device has it after the last step, with the losses of its own share of each minibatch, for
	// bnlib.Logits and whatever else takes a trained network. Trained variables are the same in all; those that devices do not tell each
	// other of, such as the moving averages of bnlib.Batch, are each one's own. There are no evaluations in them.
	Runs []*bnlib.Run

	Losses         []float32 // of whole minibatches, in nats, before each step's update: the mean over the devices
	AllReduces     int       // in a step
	Bytes          int64     // that a device puts into them in a step
	StepsPerSecond float64   // the first step, which compiles, and looks apart
}

// Train trains a network on several devices from the initial weights, and on the minibatches, of bnlib.Train: minibatches are those of
// the experiment, Batch images for all devices together, and must be divisible among them. The loop over steps is the host's. Nothing
// is stored.
//
// Not served are weight decay, and model functions that draw random numbers or have integer variables. If ctx ends, Train returns what
// there is with an error after the step that it is in.
func Train(ctx context.Context, n bnlib.Network, devices int, options *Options) (*Result, error) {
	n.Experiment = n.Shortened()
	t, err := newTraining(n, devices, options)
	if err != nil {
		return nil, err
	}
	defer t.finalize()
	batches, err := n.Batches(t.Data.Train.Len())
	if err != nil {
		return nil, err
	}
	result := &Result{Losses: make([]float32, 0, n.Steps)}
	for range devices {
		result.Runs = append(result.Runs, &bnlib.Run{Network: n, Status: bnlib.Cancelled})
	}
	look := func(step int) error {
		if err := t.weights(result.Runs); err != nil || t.Look == nil {
			return err
		}
		return t.Look(step, result.Runs)
	}
	var spent time.Duration
	for step, indices := range batches {
		if err := ctx.Err(); err != nil {
			return result, errors.Join(fmt.Errorf("parallel: training cancelled: %w", err), t.weights(result.Runs))
		}
		if step%n.Every == 0 && t.Look != nil {
			if err := look(step); err != nil {
				return result, err
			}
		}
		start := time.Now()
		losses, err := t.step(step, indices)
		if err != nil {
			return result, fmt.Errorf("parallel: step %d of network %s: %w", step+1, n.Norm.Name, err)
		}
		if step > 0 {
			spent += time.Since(start)
		}
		mean := float32(0)
		for d, loss := range losses {
			result.Runs[d].Losses = append(result.Runs[d].Losses, loss)
			mean += loss / float32(devices)
		}
		result.Losses = append(result.Losses, mean)
	}
	for _, run := range result.Runs {
		run.Status, run.Finished = bnlib.Finished, time.Now()
		diverged := slices.IndexFunc(run.Losses, func(x float32) bool { return x-x != 0 })
		if run.DivergedAt = diverged + 1; diverged >= 0 {
			run.Status = bnlib.Diverged
		}
	}
	if steps := len(batches) - 1; steps > 0 {
		result.StepsPerSecond = float64(steps) / spent.Seconds()
	}
	result.AllReduces, result.Bytes = t.exchanged()
	return result, look(n.Steps)
}

// training is a network on its devices.
type training struct {
	Options
	network   bnlib.Network
	devices   int
	on        compute.Backend
	store     *model.Store // of the variables' names and shapes; values are below
	variables []*model.Variable
	values    [][]*tensors.Tensor // [devices][variables]
	exec      *Exec
	graph     *Graph            // of a step; nil before the first
	handles   []ParameterHandle // of the variables in it
}

func newTraining(n bnlib.Network, devices int, options *Options) (*training, error) {
	t := &training{network: n, devices: devices, store: model.NewStore()}
	if options != nil {
		t.Options = *options
	}
	if t.Deal == nil {
		t.Deal = InTurn
	}
	var err error
	if t.on, err = backend.Devices(devices); err != nil {
		return nil, err
	}
	if n.Batch%devices != 0 {
		return nil, fmt.Errorf("parallel: Experiment.Batch is %d; allowed: a multiple of %d, the number of devices", n.Batch, devices)
	}
	if len(n.Decay) > 0 {
		return nil, fmt.Errorf("parallel: Experiment.Decay is %v; allowed: none", n.Decay)
	}
	if t.Data == nil {
		if t.Data, err = data.MNIST(); err != nil {
			return nil, err
		}
	}
	initial, err := n.InitialWeights()
	if err != nil {
		return nil, err
	}
	t.values = make([][]*tensors.Tensor, devices)
	for _, w := range initial {
		v, err := t.store.CreateVariable("/"+w.Name, tensors.FromShape(shapes.Make(dtypes.Float32, w.Dims...)))
		if err != nil {
			return nil, err
		}
		t.variables = append(t.variables, v.SetTrainable(w.Trainable))
		for d := range t.values {
			t.values[d] = append(t.values[d], tensors.FromFlatDataAndDimensions(w.Values, w.Dims...))
		}
	}
	t.exec, err = NewExec(t.on, func(images, labels, factor *Node) (out []*Node) {
		err := engine.TryCatch(func() error {
			out = t.build(images, labels, factor)
			return nil
		})
		if err != nil {
			panic(err) // an error, which is what GoMLX expects
		}
		return out
	})
	if err != nil {
		return nil, err
	}
	t.exec.SetSideParamsHook(t.giveValues)
	if devices > 1 {
		mesh, err := distributed.NewDeviceMesh([]int{devices}, []string{"data"})
		if err != nil {
			return nil, err
		}
		t.exec.SPMD(mesh)
	}
	return t, nil
}

// giveValues gives each device its variables. model.Exec would do it, but its variables do not work with SPMD (GoMLX 0.28).
func (t *training) giveValues(g *Graph, buffers []compute.Buffer, donate []bool) error {
	for d, values := range t.values {
		for i, value := range values {
			at := d*g.NumParameters() + int(t.handles[i])
			var err error
			if buffers[at], err = value.DonateBuffer(t.on, compute.DeviceNum(d)); err != nil {
				return err
			}
			donate[at] = true
		}
	}
	return nil
}

// build makes the step of one device with the gradient of the loss of its own images, averaged over the devices. images is [own, 784]
// bytes, labels [own], factor that of the learning rates. It returns the loss of its own images, then the variables as the step leaves
// them.
func (t *training) build(images, labels, factor *Node) []*Node {
	t.graph = images.Graph()
	t.store.SetTraining(t.graph, true)
	t.handles = nil
	for _, v := range t.variables {
		t.handles = append(t.handles, v.NodeValue(t.graph).GetParameterHandle())
	}
	logits := t.network.Logits
	if t.network.Model != nil {
		logits = t.network.Model
	}
	loss := engine.CrossEntropy(logits(t.store.RootScope(), engine.Pixels(images)), labels)
	var trained []*model.Variable
	var weights []*Node
	for _, v := range t.variables {
		if v.Trainable && t.network.Rate(v.Path()[1:]) > 0 {
			trained, weights = append(trained, v), append(weights, v.NodeValue(t.graph))
		}
	}
	if len(weights) > 0 {
		for i, gradient := range Gradient(loss, weights...) {
			rate := MulScalar(factor, t.network.Rate(trained[i].Path()[1:]))
			trained[i].SetNodeValue(Sub(weights[i], Mul(Mean(gradient), rate)))
		}
	}
	out := []*Node{loss}
	for _, v := range t.variables {
		out = append(out, v.NodeValue(t.graph))
	}
	return out
}

// step makes a step of all devices with the images of a minibatch, and returns the loss of each.
func (t *training) step(step int, indices []int32) ([]float32, error) {
	batch := engine.Pick(t.Data.Train, indices)
	order := t.Deal(batch.Labels, t.devices)
	if sorted := slices.Sorted(slices.Values(order)); len(order) != batch.Len() || len(slices.Compact(sorted)) != len(order) ||
		sorted[0] != 0 || sorted[len(sorted)-1] != len(order)-1 {
		return nil, fmt.Errorf("Options.Deal gives %v; allowed: each number from 0 to %d once", order, batch.Len()-1)
	}
	factor := float32(1)
	if t.network.Schedule != nil {
		factor = float32(t.network.Schedule(step))
	}
	own := len(order) / t.devices
	var inputs []any
	for part := range slices.Chunk(order, own) {
		dealt := make([]int32, own)
		for i, k := range part {
			dealt[i] = indices[k]
		}
		share := engine.Pick(t.Data.Train, dealt)
		inputs = append(inputs, tensors.FromFlatDataAndDimensions(share.Images, own, data.Pixels),
			tensors.FromFlatDataAndDimensions(engine.Widen(share.Labels), own), factor)
	}
	out, err := t.exec.Call(inputs...)
	for _, in := range inputs {
		if in, ok := in.(*tensors.Tensor); ok {
			in.FinalizeAll()
		}
	}
	if err != nil {
		return nil, err
	}
	var losses []float32
	for device := range slices.Chunk(out, 1+len(t.variables)) {
		losses = append(losses, tensors.MustCopyFlatData[float32](device[0])[0])
		device[0].FinalizeAll()
		t.values[len(losses)-1] = device[1:]
	}
	return losses, nil
}

// weights copies the variables, as each device has them, into its run.
func (t *training) weights(runs []*bnlib.Run) error {
	for d, run := range runs {
		run.Weights = nil
		for i, v := range t.variables {
			values, err := tensors.CopyFlatData[float32](t.values[d][i])
			if err != nil {
				return err
			}
			run.Weights = append(run.Weights, bnlib.Weight{Name: v.Path()[1:], Dims: v.Shape().Dimensions, Trainable: v.Trainable, Values: values})
		}
	}
	return nil
}

// exchanged counts the all-reduces of a step and the bytes that a device puts into them.
func (t *training) exchanged() (allReduces int, bytes int64) {
	for _, node := range t.graph.Nodes() {
		if node.Type() == NodeTypeAllReduce {
			allReduces++
			for _, operand := range node.Inputs() {
				bytes += operand.Shape().ByteSize()
			}
		}
	}
	return allReduces, bytes
}

func (t *training) finalize() {
	t.exec.Finalize()
	t.store.Finalize()
	for _, value := range slices.Concat(t.values...) {
		value.FinalizeAll()
	}
}
