// Package data holds the MNIST database of handwritten digits (LeCun, Cortes, Burges), split as the article splits it,
// and reads other files of the same format.
package data

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strings"
	"sync"
)

const (
	Side    = 28          // rows and columns of an image
	Pixels  = Side * Side // numbers an image is made of
	Classes = 10          // labels are 0 to 9

	// ValidationSize is the number of training images that are set aside to validate: the first ones, as in TensorFlow's
	// MNIST tutorial, which the article follows.
	ValidationSize = 5000

	// MNISTChecksum is the Checksum of the data that [MNIST] returns, known without unpacking it.
	MNISTChecksum = "e9914cff2ade526da2ab1ac60c072f9173cc53e35b9411692de8207cb1b9009d"
)

// Set is a number of labelled images.
type Set struct {
	Images []uint8 // [n, 784] row-major, 0 is background and 255 is ink
	Labels []uint8 // [n], 0 to 9
}

// Len returns the number of images n.
func (s Set) Len() int { return len(s.Labels) }

// Image returns image i, [28, 28] row-major. It shares the memory of s.
func (s Set) Image(i int) []uint8 { return s.Images[i*Pixels : (i+1)*Pixels : (i+1)*Pixels] }

// Pixels returns the images as numbers in [0, 1], [n, 784] row-major, in memory of their own: each pixel divided by 255
// in float32.
func (s Set) Pixels() []float32 {
	var table [256]float32
	for i := range table {
		table[i] = float32(i) / 255
	}
	floats := make([]float32, len(s.Images))
	workers := max(1, min(runtime.GOMAXPROCS(0), len(floats)>>16)) // fewer than 65536 pixels don't pay for a goroutine
	var group sync.WaitGroup
	for w := range workers {
		from, to := len(floats)*w/workers, len(floats)*(w+1)/workers
		group.Go(func() {
			out := floats[from:to]
			for i, pixel := range s.Images[from:to] {
				out[i] = table[pixel]
			}
		})
	}
	group.Wait()
	return floats
}

// Dataset is a data set, split. Sets of one Dataset share memory; nobody changes them.
type Dataset struct {
	Train, Validation, Test Set

	// Checksum says what the data is, in hexadecimal: the sha256 over the four sha256 sums of the unpacked files, in the
	// order training images, training labels, test images, test labels.
	Checksum string
}

//go:embed *.gz
var embedded embed.FS

var mnist = sync.OnceValues(func() (*Dataset, error) { return Read(embedded) })

// MNIST returns the MNIST database: 55000 images to train, 5000 to validate, 10000 to test. It is unpacked at the first
// call; every call returns the same Dataset, which nobody changes.
func MNIST() (*Dataset, error) { return mnist() }

// Read reads a data set in the format of MNIST from the four files train-images-idx3-ubyte, train-labels-idx1-ubyte,
// t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte in the root of fsys. Each may have a dot before idx, as in
// train-images.idx3-ubyte, and .gz behind its name; of several such files the first is read, those without .gz before those
// with. Images are 28 by 28, labels 0 to 9, and there are more than [ValidationSize] training images, of which the first
// ValidationSize become the Validation set.
//
// A file that holds something else gives a [*FormatError]; one that can't be opened gives the error of fsys.
func Read(fsys fs.FS) (*Dataset, error) {
	files := [4]struct {
		name   string
		magic  uint32
		opened string
		items  []uint8
		sum    []byte
		err    error
	}{
		{name: "train-images-idx3-ubyte", magic: imageMagic},
		{name: "train-labels-idx1-ubyte", magic: labelMagic},
		{name: "t10k-images-idx3-ubyte", magic: imageMagic},
		{name: "t10k-labels-idx1-ubyte", magic: labelMagic},
	}
	var group sync.WaitGroup
	for i := range files {
		file := &files[i]
		group.Go(func() {
			sum := sha256.New()
			dotted := strings.Replace(file.name, "-idx", ".idx", 1)
			names := []string{file.name, dotted, file.name + ".gz", dotted + ".gz"}
			file.opened, file.items, file.err = readIDX(fsys, names, file.magic, sum)
			file.sum = sum.Sum(nil)
		})
	}
	group.Wait()

	var errs []error
	sum := sha256.New()
	for i := range files {
		errs = append(errs, files[i].err)
		sum.Write(files[i].sum)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	var sets [2]Set
	for i := range sets {
		images, labels := &files[2*i], &files[2*i+1]
		sets[i] = Set{images.items, labels.items}
		if n := len(images.items) / Pixels; n != len(labels.items) {
			return nil, &FormatError{
				File:  labels.opened,
				Found: fmt.Sprintf("%d labels", len(labels.items)),
				Want:  fmt.Sprintf("%d, one for each image of %s", n, images.opened),
			}
		}
	}
	if n := sets[0].Len(); n <= ValidationSize {
		return nil, &FormatError{
			File:  files[0].opened,
			Found: fmt.Sprintf("%d images", n),
			Want:  fmt.Sprintf("more than %d: the first %d validate", ValidationSize, ValidationSize),
		}
	}
	return &Dataset{
		Train:      sets[0].slice(ValidationSize, sets[0].Len()),
		Validation: sets[0].slice(0, ValidationSize),
		Test:       sets[1],
		Checksum:   hex.EncodeToString(sum.Sum(nil)),
	}, nil
}

// slice returns images from to to of s.
func (s Set) slice(from, to int) Set {
	return Set{s.Images[from*Pixels : to*Pixels : to*Pixels], s.Labels[from:to:to]}
}
