package engine

import (
	"batchnorm/data"

	"github.com/gomlx/gomlx/core/tensors"
)

// piece is a set of images as a backend takes it: images [n, 784] bytes, labels [n] int32.
type piece struct {
	set            data.Set
	images, labels *tensors.Tensor
}

func newPiece(set data.Set) piece {
	images, labels := tensorsOf(set)
	return piece{set: set, images: images, labels: labels}
}

// tensorsOf returns images [n, 784] bytes and labels [n] int32.
func tensorsOf(set data.Set) (images, labels *tensors.Tensor) {
	return tensors.FromFlatDataAndDimensions(set.Images, set.Len(), data.Pixels),
		tensors.FromFlatDataAndDimensions(Widen(set.Labels), set.Len())
}

// Pick returns some images of a set, in the order of their indices.
func Pick(set data.Set, indices []int32) data.Set {
	gathered := data.Set{Images: make([]uint8, 0, len(indices)*data.Pixels), Labels: make([]uint8, 0, len(indices))}
	for _, i := range indices {
		gathered.Images = append(gathered.Images, set.Image(int(i))...)
		gathered.Labels = append(gathered.Labels, set.Labels[i])
	}
	return gathered
}

// Widen returns labels as programs take them.
func Widen(labels []uint8) []int32 {
	wide := make([]int32, len(labels))
	for i, label := range labels {
		wide[i] = int32(label)
	}
	return wide
}

func (p piece) finalize() { finalize([]*tensors.Tensor{p.images, p.labels}) }

// resident is a data set as the programs of one backend share it. It goes to the device when it is first used.
type resident struct {
	train      piece
	validation []piece
	test       []piece // as large as the validation set, so that one compiled program serves for both, and what is left
}

func newResident(d *data.Dataset) *resident {
	r := &resident{train: newPiece(d.Train), validation: []piece{newPiece(d.Validation)}}
	most := d.Validation.Len()
	for from := 0; from < d.Test.Len(); from += most {
		to := min(from+most, d.Test.Len())
		r.test = append(r.test, newPiece(data.Set{
			Images: d.Test.Images[from*data.Pixels : to*data.Pixels],
			Labels: d.Test.Labels[from:to],
		}))
	}
	return r
}

func (r *resident) finalize() {
	r.train.finalize()
	for _, pieces := range [][]piece{r.validation, r.test} {
		for _, p := range pieces {
			p.finalize()
		}
	}
}

func finalize(values []*tensors.Tensor) {
	for _, value := range values {
		if value != nil {
			value.FinalizeAll()
		}
	}
}
