package bnlib

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
	return piece{
		set:    set,
		images: tensors.FromFlatDataAndDimensions(set.Images, set.Len(), data.Pixels),
		labels: tensors.FromFlatDataAndDimensions(widen(set.Labels), set.Len()),
	}
}

// appendImages appends the pixels and labels of some images of a set.
func appendImages(pixels, labels []uint8, set data.Set, indices []int32) (withPixels, withLabels []uint8) {
	for _, i := range indices {
		pixels, labels = append(pixels, set.Image(int(i))...), append(labels, set.Labels[i])
	}
	return pixels, labels
}

func widen(labels []uint8) []int32 {
	wide := make([]int32, len(labels))
	for i, label := range labels {
		wide[i] = int32(label)
	}
	return wide
}

func (p piece) finalize() {
	p.images.FinalizeAll()
	p.labels.FinalizeAll()
}

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
