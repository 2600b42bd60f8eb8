package engine

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"math"
	"strings"

	"batchnorm/data"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/support/exceptions"
)

func init() {
	// A digest of a graph must see its constants, of whatever size; GoMLX writes out those that it keeps. Set here, once, since
	// graphs are built on many goroutines.
	MinConstValueSizeToKeep = math.MaxInt
}

// Trace is what a model function turns out to build: its variables, and what its graphs compute.
type Trace struct {
	Variables []Variable
	Graphs    string // digest of the text of its graphs, for training and for inference
	random    bool   // draws random numbers in training, so its program cannot be shared
	seeded    bool   // initial values depend on the seed in ways of their own, so the trace cannot be shared
}

// Variable is a variable of a network before training.
type Variable struct {
	Name      string // path within the network, such as "hidden_1/dense/weights"
	Shape     shapes.Shape
	Trainable bool

	matrix int             // index among those that are drawn from a normal distribution; -1: has a value
	value  *tensors.Tensor // local
}

// path is absolute in a GoMLX store that holds the network alone.
func (v Variable) path() string { return "/" + v.Name }

var rngPath = model.JoinPath(model.RootScopePath, model.RNGStateVariableName)

// Tracer traces networks, those of one Same once.
type Tracer struct {
	Backend compute.Backend
	traces  map[sameKey]*Trace
}

type sameKey struct {
	same  any
	batch int
}

// Trace runs the network's model function, for training and for inference, and takes down what it builds. Nothing is compiled.
func (t *Tracer) Trace(s *Spec) (*Trace, error) {
	key := sameKey{s.Same, s.Batch}
	if s.Same != nil && t.traces[key] != nil {
		return t.traces[key], nil
	}
	trace, err := t.trace(s)
	if err != nil {
		return nil, err
	}
	if s.Same != nil && !trace.seeded {
		if t.traces == nil {
			t.traces = map[sameKey]*Trace{}
		}
		t.traces[key] = trace
	}
	return trace, nil
}

func (t *Tracer) trace(s *Spec) (*Trace, error) {
	trace := &Trace{}
	store := model.NewStore()
	store.SetParam(model.JoinPath(model.RootScopePath, model.ParamInitialSeed), int64(s.Seed-1))
	start := &initializer{spec: s}
	digest := sha256.New()
	err := TryCatch(func() error {
		for _, training := range []bool{true, false} {
			g := NewGraph(t.Backend, fmt.Sprintf("training=%v", training))
			defer g.Finalize()
			store.SetTraining(g, training)
			images := Parameter(g, "images", shapes.Make(dtypes.Float32, s.Batch, data.Pixels))
			labels := Parameter(g, "labels", shapes.Make(dtypes.Int32, s.Batch))
			scope := store.RootScope().WithInitializer(start.initialize)
			loss := CrossEntropy(s.logits(scope, images), labels)
			if training {
				checkVariables(store, g)
				rate := Parameter(g, "rate", shapes.Make(dtypes.Float32))
				descend(scope, loss, func(*model.Variable) *Node { return rate }, nil)
				rng := store.GetVariable(rngPath)
				trace.random = rng != nil && rng.InUseByGraph(g)
			}
			for v := range store.IterVariables() {
				if v.InUseByGraph(g) {
					fmt.Fprintf(digest, "%s %s %v #%d\n", v.Path(), v.Shape(), v.Trainable, v.NodeValue(g).Id())
				}
			}
			fmt.Fprintln(digest, g)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("building network %s: %w", s.Name, err)
	}
	trace.Graphs = hex.EncodeToString(digest.Sum(nil))
	if err := TryCatch(func() error { return trace.initialize(store, start) }); err != nil {
		return nil, fmt.Errorf("initial values of network %s: %w", s.Name, err)
	}
	return trace, nil
}

// logits builds the network and asserts the shape of its result.
func (s *Spec) logits(scope *model.Scope, images *Node) *Node {
	logits := s.Model(scope, images)
	want := shapes.Make(dtypes.Float32, images.Shape().Dim(0), data.Classes)
	if logits == nil {
		exceptions.Panicf("the model function returns nil instead of logits %s", want)
	}
	if !logits.Shape().Equal(want) {
		exceptions.Panicf("the model function's logits are %s; want %s", logits.Shape(), want)
	}
	return logits
}

// checkVariables asserts that the variables of a network, of which g is the graph for training, can be trained and stored.
func checkVariables(store *model.Store, g *Graph) {
	trained := 0
	for v := range store.IterVariables() {
		if strings.HasSuffix(v.Path(), model.ScopeSeparator) {
			exceptions.Panicf("a variable of scope %q has no name; allowed: a name of its own for each variable of a scope", v.Path())
		}
		if t := v.DType(); t != dtypes.Float32 && (t.IsFloat() || v.Trainable) {
			exceptions.Panicf("variable %q is %s; allowed: Float32, or integers that are not trained (SetTrainable(false))", v.Path()[1:], v.Shape())
		}
		if v.Trainable && v.InUseByGraph(g) {
			trained++
		}
	}
	if trained == 0 {
		exceptions.Panicf("the model function has no variable that training can move; allowed: one or more, created in its scope, such as by layers.Dense")
	}
}

// initializer is the default of a network's variables: those of two axes or more are normal, others zero. It remembers what it
// was asked for.
type initializer struct {
	spec     *Spec
	variable string // that is being initialized
	matrices int    // so far
	drawn    bool   // the current variable is a matrix
}

func (i *initializer) initialize(g *Graph, shape shapes.Shape) *Node {
	if shape.Rank() < 2 || !shape.DType.IsFloat() {
		return Zeros(g, shape)
	}
	i.drawn = true
	if shape.DType == dtypes.Float32 {
		return Zeros(g, shape) // drawn when it is needed, see Network.initial
	}
	values := Normals(i.spec.Seed, i.matrices, shape.Size(), i.spec.Std(i.variable))
	return ConvertDType(ConstTensor(g, tensors.FromFlatDataAndDimensions(values, shape.Dimensions...)), shape.DType)
}

// initialize fills in the variables. Initializers run one at a time, so that it shows which are the network's default, and on the
// pure-Go backend, so that the values are the same for every backend and cost no compilation.
func (t *Trace) initialize(store *model.Store, start *initializer) error {
	pureGo, err := gobackend.New("")
	if err != nil {
		return err
	}
	defer pureGo.Finalize()
	defer store.Finalize()
	var fresh []*model.Variable
	for v := range store.IterVariables() {
		if !v.HasValue() {
			fresh = append(fresh, v)
			if err := v.SetValue(tensors.FromShape(v.Shape())); err != nil { // so that it is left out until its turn
				return err
			}
		}
	}
	drawn := map[*model.Variable]int{}
	for _, v := range fresh {
		if err := v.Reset(); err != nil {
			return err
		}
		start.variable, start.drawn = v.Path()[1:], false
		err := TryCatch(func() error { return store.InitializeVariables(pureGo, nil) })
		if err == nil {
			var value *tensors.Tensor
			if value, err = v.Value(); err == nil && !value.Shape().Equal(v.Shape()) {
				err = fmt.Errorf("it gives %s; allowed: %s", value.Shape(), v.Shape())
			}
		}
		if err != nil {
			return fmt.Errorf("the initializer of variable %q: %w", start.variable, err)
		}
		if start.drawn {
			if v.DType() == dtypes.Float32 {
				drawn[v] = start.matrices
			} else {
				t.seeded = true
			}
			start.matrices++
		}
	}
	for v := range store.IterVariables() {
		variable := Variable{Name: v.Path()[1:], Shape: v.Shape(), Trainable: v.Trainable, matrix: -1}
		if matrix, ok := drawn[v]; ok {
			variable.matrix = matrix
		} else {
			value, err := v.Value()
			if err != nil {
				return err
			}
			if variable.value, err = value.LocalClone(); err != nil {
				return err
			}
		}
		t.Variables = append(t.Variables, variable)
		t.seeded = t.seeded || v.Path() == rngPath
	}
	return nil
}

// Network is a network to train.
type Network struct {
	*Spec
	*Trace
}

// Initial returns the variables' values before training, in their order, in memory of their own.
func (n *Network) Initial() ([]*tensors.Tensor, error) {
	values := make([]*tensors.Tensor, len(n.Variables))
	for i, v := range n.Variables {
		if v.matrix >= 0 {
			drawn := Normals(n.Seed, v.matrix, v.Shape.Size(), n.Std(v.Name))
			values[i] = tensors.FromFlatDataAndDimensions(drawn, v.Shape.Dimensions...)
			continue
		}
		var err error
		if values[i], err = v.value.LocalClone(); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// WeightsOf returns the network's variables, less the state of random numbers, with the given values.
func (n *Network) WeightsOf(values []*tensors.Tensor) ([]Weight, error) {
	var weights []Weight
	for i, v := range n.Variables {
		if v.Shape.DType != dtypes.Float32 {
			continue
		}
		flat, err := tensors.CopyFlatData[float32](values[i])
		if err != nil {
			return nil, err
		}
		weights = append(weights, Weight{Name: v.Name, Dims: v.Shape.Dimensions, Trainable: v.Trainable, Values: canonical(flat)})
	}
	return weights, nil
}

// keyFormat changes whenever the training itself does, so that what older versions computed is not found.
const keyFormat = 1

// Key is a digest of all that decides the network's numbers but for the machine: its graphs, initial values, rates, minibatches
// and the data.
func (n *Network) Key(dataChecksum string) string {
	digest := sha256.New()
	fmt.Fprintf(digest, "%d %s %s %d\n", keyFormat, dataChecksum, n.Graphs, n.Seed)
	writeNumbers(digest, uint64(n.Batch), uint64(n.Steps), uint64(n.Every))
	for _, v := range n.Variables {
		fmt.Fprintf(digest, "%s %s %v\n", v.Name, v.Shape, v.Trainable)
		if v.matrix >= 0 {
			writeNumbers(digest, uint64(v.matrix), math.Float64bits(n.Std(v.Name)))
		} else {
			v.value.ConstBytes(func(bytes []byte) { digest.Write(bytes) })
		}
		if v.Trainable {
			writeNumbers(digest, uint64(math.Float32bits(float32(n.Rate(v.Name)))))
			if n.Decay != nil {
				writeNumbers(digest, uint64(math.Float32bits(float32(n.Decay(v.Name)))))
			}
		}
	}
	if n.Schedule != nil {
		for step := range n.Steps {
			writeNumbers(digest, uint64(math.Float32bits(float32(n.Schedule(step)))))
		}
	}
	return hex.EncodeToString(digest.Sum(nil)[:16])
}

func writeNumbers(digest hash.Hash, numbers ...uint64) {
	for _, x := range numbers {
		digest.Write(binary.LittleEndian.AppendUint64(nil, x))
	}
}
