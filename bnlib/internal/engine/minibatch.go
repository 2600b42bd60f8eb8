package engine

import (
	"math/rand/v2"
)

// Random numbers are drawn on the host, so that every backend, and a program in another language that is handed the
// numbers, starts from the same weights and sees the same batches. Each purpose has a generator of its own: what one draws
// never shifts another.
const (
	weightStream uint64 = 1 << 32 // plus the index of the matrix within its network
	batchStream  uint64 = 2 << 32
)

// Normals returns n draws of the normal distribution with mean 0 and the given standard deviation, for the matrix-th
// weight matrix of a network. Two networks with one seed whose matrices have the same shapes get the same weights.
func Normals(seed uint64, matrix, n int, std float64) []float32 {
	rng := rand.New(rand.NewPCG(seed, weightStream+uint64(matrix)))
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(std * rng.NormFloat64())
	}
	return values
}

// Minibatches gives the order in which training images are seen: every image once, shuffled, then all again in another
// order. A minibatch that the end of one pass leaves short is filled from the next (as TensorFlow's MNIST tutorial does).
type Minibatches struct {
	rng  *rand.Rand
	pass []int32 // what is left of the current pass
	all  []int32
}

// NewMinibatches returns the order of a seed, from its start.
func NewMinibatches(seed uint64, images int) *Minibatches {
	m := &Minibatches{rng: rand.New(rand.NewPCG(seed, batchStream)), all: make([]int32, images)}
	for i := range m.all {
		m.all[i] = int32(i)
	}
	return m
}

// Next sets indices to the next len(indices) images.
func (m *Minibatches) Next(indices []int32) {
	for len(indices) > 0 {
		if len(m.pass) == 0 {
			m.rng.Shuffle(len(m.all), func(i, j int) { m.all[i], m.all[j] = m.all[j], m.all[i] })
			m.pass = m.all
		}
		n := copy(indices, m.pass)
		indices, m.pass = indices[n:], m.pass[n:]
	}
}
