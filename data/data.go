// Package data holds the MNIST database of handwritten digits (LeCun, Cortes, Burges), split as the article splits it,
// and reads other files of the same format.
package data

import (
	"bytes"
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

	// Name is what the set is called, if all of its files are packed, as they were published: MNIST, Fashion-MNIST or KMNIST, whose
	// files have the same names. Otherwise it is empty.
	Name string

	// Notes are what a reader should know of the files: that images look as if their rows and columns were exchanged.
	Notes []string

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
// A file that holds something else gives a [*FormatError]: what it was found to hold, what it should, and what is probably the
// matter. So do files that do not belong together, as far as it shows: other numbers of labels than of images, training and test
// set exchanged or the same, files of two sets that were published under the same names. A file that can't be opened gives the
// error of fsys. Memory is bounded by what the files hold, whatever their headers say.
func Read(fsys fs.FS) (*Dataset, error) {
	if fsys == nil {
		return nil, errors.New("data: Read: fsys is nil; allowed: a folder, such as os.DirFS(path)")
	}
	names := [4]string{"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"}
	magics := [4]uint32{imageMagic, labelMagic, imageMagic, labelMagic}
	var files [4]file
	var errs [4]error
	var group sync.WaitGroup
	for i, name := range names {
		group.Go(func() {
			dotted := strings.Replace(name, "-idx", ".idx", 1)
			files[i], errs[i] = readIDX(fsys, []string{name, dotted, name + ".gz", dotted + ".gz"}, magics[i])
		})
	}
	group.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}

	name, err := together(&files)
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	for _, f := range files {
		sum.Write(f.sum)
	}
	d := &Dataset{Name: name, Checksum: hex.EncodeToString(sum.Sum(nil)), Test: Set{files[testImages].items, files[testLabels].items}}
	all := Set{files[trainImages].items, files[trainLabels].items}
	if err := checkCounts(all, d.Test, &files); err != nil {
		return nil, err
	}
	if transposed(all) {
		d.Notes = append(d.Notes, fmt.Sprintf("images labelled 1 in %s are wider than tall: rows and columns are probably exchanged, as in EMNIST's files",
			files[trainImages].opened))
	}
	d.Train, d.Validation = all.slice(ValidationSize, all.Len()), all.slice(0, ValidationSize)
	return d, nil
}

// checkCounts returns an error for files that do not belong together by what they hold.
func checkCounts(train, test Set, files *[4]file) error {
	fail := func(of part, found, want, hint string) error {
		return &FormatError{File: files[of].opened, Found: found, Want: want, Hint: hint}
	}
	for i, set := range []Set{train, test} {
		images, labels := part(2*i), part(2*i+1)
		if n := len(set.Images) / Pixels; n != set.Len() {
			hint := ""
			if set.Len() == len(files[2-2*i].items)/Pixels {
				hint = "the labels of the other set: the names of two files are exchanged"
			}
			return fail(labels, fmt.Sprintf("%d labels", set.Len()), fmt.Sprintf("%d, one for each image of %s", n, files[images].opened), hint)
		}
	}
	switch {
	case train.Len() <= ValidationSize:
		return fail(trainImages, fmt.Sprintf("%d images", train.Len()),
			fmt.Sprintf("more than %d: the first %d validate", ValidationSize, ValidationSize), "")
	case test.Len() == 6*train.Len(): // MNIST and its relatives have six training images for each test image
		return fail(trainImages, fmt.Sprintf("%d images", train.Len()),
			fmt.Sprintf("more: %s has %d", files[testImages].opened, test.Len()), "the names of training and test files are exchanged")
	case bytes.Equal(files[trainImages].sum, files[testImages].sum):
		return fail(testImages, "the content of "+files[trainImages].opened, "other images, that no network was trained on", "a file that was copied under a second name")
	}
	return nil
}

// slice returns images from to to of s.
func (s Set) slice(from, to int) Set {
	return Set{s.Images[from*Pixels : to*Pixels : to*Pixels], s.Labels[from:to:to]}
}
