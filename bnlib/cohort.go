package bnlib

import (
	"slices"

	"batchnorm/data"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/tensors"
)

// cohort is networks that train in lockstep, and where their training stands. The program that trains them is another's: it
// may be shared with other cohorts, and change from one chunk of steps to the next.
type cohort struct {
	networks []*blueprint
	order    []*batchOrder // one for each distinct seed
	seed     []int         // network → its index in order
	batch    int
	chunk    int // most steps between two evaluations

	rates    []float32 // learning rates
	indices  [][]int32 // [seed][chunk·batch] images of the steps up to the next evaluation
	onDevice struct {
		rates   *tensors.Tensor // [networks]
		indices *tensors.Tensor // [seeds, chunk, batch]
	}

	values [][]*tensors.Tensor // variables of each network, in the order of its blueprint
	at     compute.Backend     // where they are; nil: local
}

func newCohort(networks []*blueprint, images int) (*cohort, error) {
	first := networks[0].network
	c := &cohort{networks: networks, batch: first.Batch, chunk: min(first.Every, first.Steps)}
	seeds := map[uint64]int{}
	for _, b := range networks {
		index, ok := seeds[b.network.Seed]
		if !ok {
			index = len(c.order)
			seeds[b.network.Seed] = index
			c.order = append(c.order, newBatchOrder(b.network.Seed, images))
			c.indices = append(c.indices, make([]int32, c.chunk*c.batch))
		}
		c.seed = append(c.seed, index)
		c.rates = append(c.rates, float32(b.network.LearningRate))
		values, err := localClones(b.values())
		if err != nil {
			return nil, err
		}
		c.values = append(c.values, values)
	}
	return c, nil
}

func localClones(values []*tensors.Tensor) ([]*tensors.Tensor, error) {
	clones := make([]*tensors.Tensor, len(values))
	for i, value := range values {
		var err error
		if clones[i], err = value.LocalClone(); err != nil {
			return nil, err
		}
	}
	return clones, nil
}

// enter hands the variables' values to a program. Until leave, they are the program's.
func (c *cohort) enter(p *program) error {
	for i, values := range c.values {
		if c.at != nil && c.at != p.backend {
			moved, err := localClones(values)
			if err != nil {
				return err
			}
			finalize(values)
			values = moved
		}
		for k, v := range p.variables[i] {
			if err := v.SetValuePreservingOld(values[k]); err != nil {
				return err
			}
		}
	}
	c.at = p.backend
	return nil
}

// leave takes them back, as the program left them.
func (c *cohort) leave(p *program) error {
	for i := range c.values {
		var err error
		if c.values[i], err = p.values(i); err != nil {
			return err
		}
	}
	return nil
}

// next draws the batches of the next chunk of steps and makes what a program is given for it.
func (c *cohort) next() {
	var flat []int32
	for seed, order := range c.order {
		order.fill(c.indices[seed])
		flat = append(flat, c.indices[seed]...)
	}
	finalize([]*tensors.Tensor{c.onDevice.rates, c.onDevice.indices})
	c.onDevice.rates = tensors.FromFlatDataAndDimensions(slices.Clone(c.rates), len(c.rates))
	c.onDevice.indices = tensors.FromFlatDataAndDimensions(flat, len(c.order), c.chunk, c.batch)
}

// gather returns the minibatch of one step of the current chunk for each seed.
func (c *cohort) gather(set data.Set, step int) (images, labels *tensors.Tensor) {
	pixels := make([]uint8, 0, len(c.order)*c.batch*data.Pixels)
	classes := make([]uint8, 0, len(c.order)*c.batch)
	for seed := range c.order {
		pixels, classes = appendImages(pixels, classes, set, c.indices[seed][step*c.batch:(step+1)*c.batch])
	}
	return tensors.FromFlatDataAndDimensions(pixels, len(c.order), c.batch, data.Pixels),
		tensors.FromFlatDataAndDimensions(widen(classes), len(c.order), c.batch)
}

// weights returns the variables of network i.
func (c *cohort) weights(i int) ([]Weight, error) { return c.networks[i].weights(c.values[i]) }

// finalize frees what the cohort holds on the device.
func (c *cohort) finalize() {
	for _, values := range c.values {
		finalize(values)
	}
	finalize([]*tensors.Tensor{c.onDevice.rates, c.onDevice.indices})
}

func finalize(values []*tensors.Tensor) {
	for _, value := range values {
		if value != nil {
			value.FinalizeAll()
		}
	}
}
