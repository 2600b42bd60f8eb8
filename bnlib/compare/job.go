package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"batchnorm/bnlib"
	"batchnorm/data"

	"github.com/gomlx/gomlx/ml/layers/activation"
)

// job is a work as it is handed over: job.json in a folder of its own, beside the order of the images. Numbers in files are
// little-endian; names of files are relative to the folder. peers/job.py reads the same.
type job struct {
	Steps    int          `json:"steps"`
	Every    int          `json:"every"` // steps between two evaluations
	Batch    int          `json:"batch"`
	Threads  int          `json:"threads"`
	Data     string       `json:"data"` // folder of the images and labels, bytes
	Networks []jobNetwork `json:"networks"`
}

// jobNetwork is one network: the files of its weight matrices, float32 [in, out], and what bnlib draws them from.
type jobNetwork struct {
	Rate       float64  `json:"rate"`
	Activation string   `json:"activation"` // "relu" or "sigmoid"
	BatchNorm  bool     `json:"batch_norm"`
	Hidden     []int    `json:"hidden"`
	Weights    []string `json:"weights"`
	InitStd    float64  `json:"init_std"`
	Seed       uint64   `json:"seed"`
}

// orderFile holds the indices of the images of every step, int32 [steps, batch].
const orderFile = "order"

// handOver writes what a program needs for some works: their images into folder/data, their weights into folder/weights,
// and each into a folder named after it.
func handOver(folder string, d *data.Dataset, threads int, works ...work) error {
	for name, content := range map[string][]byte{
		"train_images": d.Train.Images, "train_labels": d.Train.Labels,
		"validation_images": d.Validation.Images, "validation_labels": d.Validation.Labels,
	} {
		if err := write(filepath.Join(folder, "data", name), content); err != nil {
			return err
		}
	}
	for _, w := range works {
		if err := w.handOver(folder, d, threads); err != nil {
			return fmt.Errorf("handing over %s: %w", w.title, err)
		}
	}
	return nil
}

func (w work) handOver(folder string, d *data.Dataset, threads int) error {
	first := w.networks[0]
	j := job{Steps: first.Steps, Every: first.Every, Batch: first.Batch, Threads: threads, Data: "../data"}
	for _, n := range w.networks {
		if n.Seed != first.Seed || n.Steps != j.Steps || n.Every != j.Every || n.Batch != j.Batch {
			return errors.New("its networks do not see the same minibatches")
		}
		weights, err := n.InitialWeights()
		if err != nil {
			return err
		}
		h := jobNetwork{Rate: n.LearningRate, BatchNorm: n.Norm.Equal(bnlib.Batch), Hidden: n.Hidden, InitStd: n.InitStd, Seed: n.Seed}
		for name, a := range activations {
			if a == n.Activation {
				h.Activation = name
			}
		}
		if h.Activation == "" {
			return fmt.Errorf("the activation is %v; allowed: ReLU and sigmoid, which the peers have", n.Activation)
		}
		for _, name := range matrices(n) {
			i := slices.IndexFunc(weights, func(w bnlib.Weight) bool { return w.Name == name })
			if i < 0 {
				return fmt.Errorf("a network has no variable %s", name)
			}
			content := floatBytes(weights[i].Values)
			file := fmt.Sprintf("%x", sha256.Sum256(content))[:16] // networks that share weights share files
			if err := write(filepath.Join(folder, "weights", file), content); err != nil {
				return err
			}
			h.Weights = append(h.Weights, "../weights/"+file)
		}
		j.Networks = append(j.Networks, h)
	}
	batches, err := first.Batches(d.Train.Len())
	if err != nil {
		return err
	}
	var order []byte
	for _, batch := range batches {
		for _, i := range batch {
			order = binary.LittleEndian.AppendUint32(order, uint32(i))
		}
	}
	if err := write(filepath.Join(folder, w.name, orderFile), order); err != nil {
		return err
	}
	description, err := json.MarshalIndent(j, "", " ")
	if err != nil {
		return err
	}
	return write(filepath.Join(folder, w.name, "job.json"), append(description, '\n'))
}

var activations = map[string]activation.Type{"relu": activation.TypeRelu, "sigmoid": activation.TypeSigmoid}

// matrices returns the names of a network's weight matrices, from the images on.
func matrices(n bnlib.Network) []string {
	var names []string
	for i := range n.Hidden {
		names = append(names, fmt.Sprintf("hidden_%d/dense/weights", i+1))
	}
	return append(names, "logits/dense/weights")
}

// readJob reads the job of a folder.
func readJob(folder string) (job, error) {
	var j job
	text, err := os.ReadFile(filepath.Join(folder, "job.json"))
	if err != nil {
		return j, err
	}
	if err := json.Unmarshal(text, &j); err != nil {
		return j, fmt.Errorf("%s is not a job: %w", folder, err)
	}
	return j, nil
}

// networks returns the networks of the job, to be trained for some steps.
func (j job) networks(steps int) ([]bnlib.Network, error) {
	var all []bnlib.Network
	for _, h := range j.Networks {
		a, ok := activations[h.Activation]
		if !ok {
			return nil, fmt.Errorf("the job's activation is %q; allowed: relu, sigmoid", h.Activation)
		}
		e := bnlib.Article(1)
		e.Name, e.InitStd, e.LearningRate, e.Activation, e.Hidden, e.Seed = "", h.InitStd, h.Rate, a, h.Hidden, h.Seed
		e.Batch, e.Steps, e.Every = j.Batch, steps, j.Every
		norm := bnlib.None
		if h.BatchNorm {
			norm = bnlib.Batch
		}
		all = append(all, bnlib.Network{Experiment: e, Norm: norm})
	}
	return all, nil
}

func floatBytes(values []float32) []byte {
	bytes := make([]byte, 0, 4*len(values))
	for _, x := range values {
		bytes = binary.LittleEndian.AppendUint32(bytes, math.Float32bits(x))
	}
	return bytes
}

// readFloats reads a file of float32.
func readFloats(path string) ([]float32, error) {
	bytes, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	values := make([]float32, len(bytes)/4)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(bytes[4*i:]))
	}
	return values, nil
}

// write writes a file and the folders it lies in.
func write(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o644)
}
