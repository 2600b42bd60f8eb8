package bnlib

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"math"
	"sync"

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

// blueprint is what a network turns out to be once its model function has run: its variables with their initial values, and
// what its graphs compute.
type blueprint struct {
	network   Network
	variables []variable
	random    bool   // draws random numbers in training, so its program cannot be shared
	graphs    string // digest of the text of its graphs
	program   []byte // digest of that and of the initial values
}

// variable is one variable of a network before training.
type variable struct {
	path      string // absolute in a store that holds this network alone
	trainable bool
	initial   *tensors.Tensor // local
}

// draw runs the network's model function, for training and for inference, and takes down what it built. Nothing is
// compiled.
func draw(backend compute.Backend, n Network) (*blueprint, error) {
	b := &blueprint{network: n}
	store := model.NewStore()
	store.SetParam(model.JoinPath(model.RootScopePath, model.ParamInitialSeed), int64(n.Seed>>1))
	digest := sha256.New()
	err := tryCatch(func() {
		for _, training := range []bool{true, false} {
			g := NewGraph(backend, fmt.Sprintf("training=%v", training))
			defer g.Finalize()
			b.drawGraph(store, g, training, digest)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("bnlib: building network %s: %w", n.describe(), err)
	}
	b.graphs = string(digest.Sum(nil))
	if err := b.initialize(store, digest); err != nil {
		return nil, fmt.Errorf("bnlib: initial values of network %s: %w", n.describe(), err)
	}
	b.program = digest.Sum(nil)
	return b, nil
}

// textMutex guards MinConstValueSizeToKeep, a global of GoMLX that says how large constants may be to show in a graph's
// text.
var textMutex sync.Mutex

func (b *blueprint) drawGraph(store *model.Store, g *Graph, training bool, text io.Writer) {
	textMutex.Lock()
	defer textMutex.Unlock()
	defer func(old int) { MinConstValueSizeToKeep = old }(MinConstValueSizeToKeep)
	MinConstValueSizeToKeep = math.MaxInt

	store.SetTraining(g, training)
	images := Parameter(g, "images", shapes.Make(dtypes.Float32, b.network.Batch, data.Pixels))
	labels := Parameter(g, "labels", shapes.Make(dtypes.Int32, b.network.Batch))
	scope := store.RootScope().WithInitializer(b.network.initializer())
	loss := crossEntropy(b.network.logits(scope, images), labels)
	if training {
		descend(scope, loss, Parameter(g, "rate", shapes.Make(dtypes.Float32)))
		rng := store.GetVariable(model.JoinPath(model.RootScopePath, model.RNGStateVariableName))
		b.random = rng != nil && rng.InUseByGraph(g)
	}
	for v := range store.IterVariables() {
		if v.InUseByGraph(g) {
			fmt.Fprintf(text, "%s %s %v #%d\n", v.Path(), v.Shape(), v.Trainable, v.NodeValue(g).Id())
		}
	}
	fmt.Fprintln(text, g)
}

// initialize fills in the variables. The values come from the pure-Go backend, so that they are the same for every backend
// and cost no compilation.
func (b *blueprint) initialize(store *model.Store, text io.Writer) error {
	pureGo, err := gobackend.New("")
	if err != nil {
		return err
	}
	defer pureGo.Finalize()
	if err := store.InitializeVariables(pureGo, nil); err != nil {
		return err
	}
	for v := range store.IterVariables() {
		value, err := v.Value()
		if err != nil {
			return err
		}
		initial, err := value.LocalClone()
		if err != nil {
			return err
		}
		fmt.Fprintln(text, v.Path(), initial.Shape())
		if err := initial.ConstBytes(func(bytes []byte) { text.Write(bytes) }); err != nil {
			return err
		}
		b.variables = append(b.variables, variable{v.Path(), v.Trainable, initial})
	}
	store.Finalize()
	return nil
}

// weights returns the network's variables, less the state of random numbers, with the given values.
func (b *blueprint) weights(values []*tensors.Tensor) ([]Weight, error) {
	var weights []Weight
	for i, v := range b.variables {
		if values[i].DType() != dtypes.Float32 {
			continue
		}
		flat, err := tensors.CopyFlatData[float32](values[i])
		if err != nil {
			return nil, err
		}
		weights = append(weights, Weight{
			Name:      v.path[1:],
			Dims:      values[i].Shape().Dimensions,
			Trainable: v.trainable,
			Values:    flat,
		})
	}
	return weights, nil
}

// initializer is the default of the network's variables: matrices are normal with InitStd, biases zero.
func (n Network) initializer() model.VariableInitializer {
	matrix := -1
	return func(g *Graph, shape shapes.Shape) *Node {
		if shape.Rank() < 2 || !shape.DType.IsFloat() {
			return Zeros(g, shape)
		}
		matrix++
		values := tensors.FromFlatDataAndDimensions(normals(n.Seed, matrix, shape.Size(), n.InitStd), shape.Dimensions...)
		return ConvertDType(ConstTensor(g, values), shape.DType)
	}
}

// logits builds the network and asserts the shape of its result.
func (n Network) logits(scope *model.Scope, images *Node) *Node {
	logits := n.model()(scope, images)
	want := shapes.Make(dtypes.Float32, images.Shape().Dim(0), data.Classes)
	if logits == nil {
		exceptions.Panicf("the model function returns nil instead of logits %s", want)
	}
	if !logits.Shape().Equal(want) {
		exceptions.Panicf("the model function's logits are %s; want %s", logits.Shape(), want)
	}
	return logits
}

// key is the name under which the network's run is stored: a digest of everything that determines its numbers.
func (b *blueprint) key(backendName, dataChecksum string) string {
	digest := sha256.New()
	n := b.network
	fmt.Fprintf(digest, "%d %q %s\n", storeFormat, backendName, dataChecksum)
	writeNumbers(digest, math.Float64bits(n.LearningRate), uint64(n.Batch), uint64(n.Steps), uint64(n.Every), n.Seed)
	digest.Write(b.program)
	return hex.EncodeToString(digest.Sum(nil)[:16])
}

func writeNumbers(digest hash.Hash, numbers ...uint64) {
	for _, x := range numbers {
		digest.Write(binary.LittleEndian.AppendUint64(nil, x))
	}
}

// tryCatch turns a panic of a graph building function, GoMLX's or the reader's, into an error.
func tryCatch(build func()) (err error) {
	defer func() {
		switch e := recover().(type) {
		case nil:
		case error:
			err = e
		default:
			err = fmt.Errorf("%v", e)
		}
	}()
	build()
	return nil
}
