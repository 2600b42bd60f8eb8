package data

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestMNIST(t *testing.T) {
	d, err := MNIST()
	if err != nil {
		t.Fatal(err)
	}
	if d.Checksum != MNISTChecksum {
		t.Errorf("the data's checksum is %s, MNISTChecksum %s", d.Checksum, MNISTChecksum)
	}
	// Images of each class, from the files' own labels; the test set's are in LeCun, Cortes and Burges' description.
	for _, c := range []struct {
		name  string
		set   Set
		count [Classes]int
	}{
		{"training", d.Train, [...]int{5444, 6179, 5470, 5638, 5307, 4987, 5417, 5715, 5389, 5454}},
		{"validation", d.Validation, [...]int{479, 563, 488, 493, 535, 434, 501, 550, 462, 495}},
		{"test", d.Test, [...]int{980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009}},
	} {
		var count [Classes]int
		for _, label := range c.set.Labels {
			count[label]++
		}
		if count != c.count || len(c.set.Images) != c.set.Len()*Pixels {
			t.Errorf("%s set: %d images of classes %v, want %v", c.name, len(c.set.Images)/Pixels, count, c.count)
		}
	}
	if first := d.Validation.Labels[:5]; !slices.Equal(first, []uint8{5, 0, 4, 1, 9}) {
		t.Errorf("the first labels are %v, want 5 0 4 1 9", first)
	}
}

func TestPixels(t *testing.T) {
	image := make([]uint8, Pixels)
	image[0], image[1], image[783] = 255, 51, 1
	got := Set{Images: image, Labels: []uint8{3}}.Pixels()
	if got[0] != 1 || got[1] != 51./255 || got[2] != 0 || got[783] != 1./255 {
		t.Errorf("pixels %v %v %v %v", got[0], got[1], got[2], got[783])
	}
}

const small = ValidationSize + 2

// files returns the smallest data set that can be split.
func files() fstest.MapFS {
	return fstest.MapFS{
		"train-images-idx3-ubyte": {Data: images(small)},
		"train-labels-idx1-ubyte": {Data: labels(small)},
		"t10k-images-idx3-ubyte":  {Data: images(3)},
		"t10k-labels-idx1-ubyte":  {Data: labels(3)},
	}
}

func images(n int) []byte {
	file := binary.BigEndian.AppendUint32(nil, imageMagic)
	for _, size := range []int{n, Side, Side} {
		file = binary.BigEndian.AppendUint32(file, uint32(size))
	}
	return append(file, make([]byte, n*Pixels)...)
}

func labels(n int) []byte {
	file := binary.BigEndian.AppendUint32(nil, labelMagic)
	file = binary.BigEndian.AppendUint32(file, uint32(n))
	return append(file, make([]byte, n)...)
}

func packed(t testing.TB, file []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(file)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestRead(t *testing.T) {
	plain, err := Read(files())
	if err != nil {
		t.Fatal(err)
	}
	if plain.Train.Len() != small-ValidationSize || plain.Validation.Len() != ValidationSize || plain.Test.Len() != 3 {
		t.Errorf("sets of %d, %d and %d images", plain.Train.Len(), plain.Validation.Len(), plain.Test.Len())
	}
	zipped, dotted, dottedZipped := fstest.MapFS{}, fstest.MapFS{}, fstest.MapFS{}
	for name, file := range files() {
		dot := strings.Replace(name, "-idx", ".idx", 1) // such as train-images.idx3-ubyte
		gz := &fstest.MapFile{Data: packed(t, file.Data)}
		zipped[name+".gz"], dotted[dot], dottedZipped[dot+".gz"] = gz, file, gz
	}
	for name, files := range map[string]fstest.MapFS{"packed": zipped, "with a dot": dotted, "packed with a dot": dottedZipped} {
		same, err := Read(files)
		if err != nil || same.Checksum != plain.Checksum {
			t.Errorf("the same files %s: %v, want checksum %v", name, err, plain.Checksum)
		}
	}
	both := files()
	both["t10k-labels.idx1-ubyte"] = &fstest.MapFile{Data: labels(4)}
	if d, err := Read(both); err != nil || d.Checksum != plain.Checksum {
		t.Errorf("a second file of the test labels: %v", err)
	}
	changed := files()
	changed["t10k-labels-idx1-ubyte"].Data[8] = 1
	if other, err := Read(changed); err != nil || other.Checksum == plain.Checksum {
		t.Errorf("one label changed: the same checksum, %v", err)
	}
}

func TestFormatError(t *testing.T) {
	edit := func(name string, edit func([]byte) []byte) fstest.MapFS {
		f := files()
		f[name].Data = edit(f[name].Data)
		return f
	}
	const trainImages, testLabels = "train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
	for _, c := range []struct {
		name  string
		files fstest.MapFS
		file  string
		want  []string // in the message
		cause error
	}{
		{"wrong magic", edit(trainImages, func(b []byte) []byte { b[3] = 1; return b }), trainImages, []string{"0x00000801", "0x00000803"}, nil},
		{"no images", edit(trainImages, func(b []byte) []byte { return images(0) }), trainImages, []string{"count of 0"}, nil},
		{"absurd count", edit(testLabels, func(b []byte) []byte { b[4] = 0x7f; return b }), testLabels, []string{"count of 2130706435", "1 to"}, nil},
		{"other size", edit(trainImages, func(b []byte) []byte { b[11] = 32; return b }), trainImages, []string{"32 by 28", "28 by 28"}, nil},
		{"short header", edit(testLabels, func(b []byte) []byte { return b[:5] }), testLabels, []string{"5 bytes", "8 bytes"}, io.ErrUnexpectedEOF},
		{"short file", edit(testLabels, func(b []byte) []byte { return b[:10] }), testLabels, []string{"10 bytes", "11 for 3 labels"}, io.ErrUnexpectedEOF},
		{"trailing bytes", edit(testLabels, func(b []byte) []byte { return append(b, 0) }), testLabels, []string{"more bytes", "11 for 3 labels"}, nil},
		{"label above 9", edit(testLabels, func(b []byte) []byte { b[9] = 10; return b }), testLabels, []string{"label 10 at index 1", "0 to 9"}, nil},
		{"counts differ", edit(testLabels, func(b []byte) []byte { return labels(4) }), testLabels, []string{"4 labels", "3, one for each image"}, nil},
		{"too few to split", fstest.MapFS{
			trainImages: {Data: images(5000)}, "train-labels-idx1-ubyte": {Data: labels(5000)},
			"t10k-images-idx3-ubyte": {Data: images(3)}, testLabels: {Data: labels(3)},
		}, trainImages, []string{"5000 images", "more than 5000"}, nil},
	} {
		_, err := Read(c.files)
		var format *FormatError
		if !errors.As(err, &format) || format.File != c.file {
			t.Errorf("%s: error %v, want a FormatError for %s", c.name, err, c.file)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q does not say %q", c.name, err, want)
			}
		}
		if c.cause != nil && !errors.Is(err, c.cause) {
			t.Errorf("%s: %v does not wrap %v", c.name, err, c.cause)
		}
	}

	missing := files()
	delete(missing, testLabels)
	_, err := Read(missing)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("missing file: %v", err)
	}
	for _, name := range []string{testLabels, "t10k-labels.idx1-ubyte", testLabels + ".gz", "t10k-labels.idx1-ubyte.gz"} {
		if !strings.Contains(err.Error(), name+",") && !strings.Contains(err.Error(), name+":") {
			t.Errorf("missing file: %v does not say %s", err, name)
		}
	}
	damaged := files()
	zipped := packed(t, damaged[testLabels].Data)
	zipped[len(zipped)-5] ^= 1
	delete(damaged, testLabels)
	damaged[testLabels+".gz"] = &fstest.MapFile{Data: zipped}
	if _, err := Read(damaged); !errors.Is(err, gzip.ErrChecksum) {
		t.Errorf("damaged gzip: %v, want %v", err, gzip.ErrChecksum)
	}
}

// FuzzRead hands the reader a file of any content: it gives items of the right length and range, or a FormatError, and asks
// for no more memory than the file can fill.
func FuzzRead(f *testing.F) {
	f.Add(images(2), true, false)
	f.Add(labels(3), false, false)
	f.Add(images(1)[:20], true, false)
	f.Add(packed(f, images(2)), true, true)
	f.Add(packed(f, labels(2)), false, true)
	f.Add([]byte{0, 0, 8, 3, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 28, 0, 0, 0, 28}, true, false)
	f.Add([]byte{0, 0, 8, 1, 0, 0xf, 0xff, 0xff}, false, false)
	f.Fuzz(func(t *testing.T, content []byte, isImages, gz bool) {
		magic, size, limit := uint32(labelMagic), 1, Classes
		if isImages {
			magic, size, limit = imageMagic, Pixels, 256
		}
		name, bound := "file", len(content)
		if gz {
			name, bound = "file.gz", maxDeflate*len(content)
		}
		opened, items, err := readIDX(fstest.MapFS{name: {Data: content}}, []string{"file", "file.gz"}, magic, io.Discard)
		if err != nil {
			var format *FormatError
			if !errors.As(err, &format) || format.File != name || format.Found == "" || format.Want == "" {
				t.Errorf("error %#v, want a FormatError for %s", err, name)
			}
			return
		}
		if opened != name || len(items) == 0 || len(items) > bound || len(items)%size != 0 || int(slices.Max(items)) >= limit {
			t.Errorf("%s: %d items up to %d", opened, len(items), slices.Max(items))
		}
	})
}

func BenchmarkRead(b *testing.B) {
	for b.Loop() {
		if _, err := Read(embedded); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPixels(b *testing.B) {
	d, err := MNIST()
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(d.Train.Images)))
	for b.Loop() {
		d.Train.Pixels()
	}
}
