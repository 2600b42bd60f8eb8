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

// TestFolder reads sets that were unpacked into folders of the files' names.
func TestFolder(t *testing.T) {
	const name = "t10k-labels-idx1-ubyte"
	f := files()
	f[name+"/t10k-labels.idx1-ubyte"] = f[name]
	delete(f, name)
	var format *FormatError
	if _, err := Read(f); !errors.As(err, &format) || format.File != name || !strings.Contains(err.Error(), "a folder; the folder holds t10k-labels.idx1-ubyte") {
		t.Errorf("a folder in a file's place: %v", err)
	}
	f["t10k-labels.idx1-ubyte"] = &fstest.MapFile{Data: labels(3)}
	if _, err := Read(f); err != nil {
		t.Errorf("a folder beside the file: %v", err)
	}
}

// repacked returns the embedded files under other names, by the names they have.
func repacked(t *testing.T, as map[string]string) fstest.MapFS {
	t.Helper()
	f := fstest.MapFS{}
	for of, name := range as {
		content, err := embedded.ReadFile(of + ".gz")
		if err != nil {
			t.Fatal(err)
		}
		f[name+".gz"] = &fstest.MapFile{Data: content}
	}
	return f
}

// TestPublished reads files that are known by what they are.
func TestPublished(t *testing.T) {
	d, err := MNIST()
	if err != nil || d.Name != "MNIST" || d.Notes != nil {
		t.Errorf("MNIST is %q, notes %q, %v", d.Name, d.Notes, err)
	}
	const train, trainL, test, testL = "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
	exchanged := repacked(t, map[string]string{train: test, trainL: testL, test: train, testL: trainL})
	if _, err := Read(exchanged); err == nil || !strings.Contains(err.Error(), train+".gz: found the test images of MNIST, want training images") {
		t.Errorf("exchanged: %v", err)
	}
	// Files of another set are not at hand: what is known of them is.
	sums := func(sets ...string) *[4]file {
		var f [4]file
		for i, set := range sets {
			f[i] = file{opened: part(i).String() + ".gz", md5: published[set][i]}
		}
		return &f
	}
	if name, err := together(sums("KMNIST", "KMNIST", "KMNIST", "KMNIST")); name != "KMNIST" || err != nil {
		t.Errorf("KMNIST's files are %q, %v", name, err)
	}
	_, err = together(sums("KMNIST", "Fashion-MNIST", "KMNIST", "KMNIST"))
	if want := "training labels.gz: found the training labels of Fashion-MNIST, want those of KMNIST, as training images.gz holds"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("two sets in one folder: %v, want %q", err, want)
	}
	if name, err := together(sums("MNIST", "MNIST", "another", "MNIST")); name != "" || err != nil {
		t.Errorf("with a file that nobody knows: %q, %v", name, err)
	}
}

// TestTransposed exchanges rows and columns of MNIST.
func TestTransposed(t *testing.T) {
	d, err := MNIST()
	if err != nil {
		t.Fatal(err)
	}
	file := append(images(0), make([]byte, d.Test.Len()*Pixels)...)
	binary.BigEndian.PutUint32(file[4:], uint32(d.Test.Len()))
	for i := range d.Test.Len() {
		for k, pixel := range d.Test.Image(i) {
			file[16+i*Pixels+k%Side*Side+k/Side] = pixel
		}
	}
	f := files()
	f["train-images-idx3-ubyte"].Data = file
	f["train-labels-idx1-ubyte"].Data = append(labels(d.Test.Len())[:8], d.Test.Labels...)
	got, err := Read(f)
	if err != nil || len(got.Notes) != 1 || !strings.Contains(got.Notes[0], "labelled 1 in train-images-idx3-ubyte are wider than tall") {
		t.Errorf("notes %q, %v", got.Notes, err)
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
		{"labels as images", edit(trainImages, func(b []byte) []byte { return labels(small) }), trainImages, []string{"IDX unsigned bytes in 1 dimensions", "0x00000801", "0x00000803", "exchanged"}, nil},
		{"images as labels", edit(testLabels, func(b []byte) []byte { return images(3) }), testLabels, []string{"0x00000803", "0x00000801", "exchanged"}, nil},
		{"labels of QMNIST", edit(testLabels, func(b []byte) []byte { b[2], b[3] = 0x0c, 2; return b }), testLabels, []string{"IDX int32 in 2 dimensions", "QMNIST"}, nil},
		{"float images", edit(trainImages, func(b []byte) []byte { b[2] = 0x0d; return b }), trainImages, []string{"IDX float32 in 3", "as unsigned bytes"}, nil},
		{"little-endian", edit(testLabels, func(b []byte) []byte { slices.Reverse(b[:4]); return b }), testLabels, []string{"0x01080000", "big-endian"}, nil},
		{"a table", edit(testLabels, func(b []byte) []byte { return []byte("label,pixel0,pixel1\n5,0,0\n") }), testLabels, []string{`text, "label,pixel0,pixel1"`}, nil},
		{"a page", edit(testLabels, func(b []byte) []byte { return []byte("\n<!DOCTYPE HTML>\n<title>Login</title>") }), testLabels, []string{"an HTML page", "proxy"}, nil},
		{"a pointer", edit(testLabels, func(b []byte) []byte { return []byte("version https://git-lfs.github.com/spec/v1\n") }), testLabels, []string{"Git LFS", "git lfs pull"}, nil},
		{"packed without .gz", edit(testLabels, func(b []byte) []byte { return packed(t, b) }), testLabels, []string{"a gzip file", "without .gz"}, nil},
		{"something", edit(testLabels, func(b []byte) []byte { return []byte{1, 2, 0xff, 4, 5, 6, 7, 8, 9} }), testLabels, []string{"0x0102ff04"}, nil},
		{"empty", edit(testLabels, func(b []byte) []byte { return nil }), testLabels, []string{"0 bytes", "did not finish"}, io.ErrUnexpectedEOF},
		{"three bytes", edit(testLabels, func(b []byte) []byte { return b[:3] }), testLabels, []string{"3 bytes", "did not finish"}, nil},
		{"no images", edit(trainImages, func(b []byte) []byte { return images(0) }), trainImages, []string{"count of 0"}, nil},
		{"absurd count", edit(testLabels, func(b []byte) []byte { b[4] = 0x7f; return b }), testLabels, []string{"count of 2130706435", "1 to"}, nil},
		{"other size", edit(trainImages, func(b []byte) []byte { b[11] = 32; return b }), trainImages, []string{"32 by 28", "28 by 28"}, nil},
		{"short header", edit(testLabels, func(b []byte) []byte { return b[:5] }), testLabels, []string{"5 bytes", "8 bytes"}, io.ErrUnexpectedEOF},
		{"short file", edit(testLabels, func(b []byte) []byte { return b[:10] }), testLabels, []string{"10 bytes", "11 for 3 labels"}, io.ErrUnexpectedEOF},
		{"a longer header", edit(testLabels, func(b []byte) []byte { return slices.Insert(b, 8, 0, 0, 0, 0, 0, 0, 0, 0) }), testLabels,
			[]string{"8 more bytes, 19", "11 for 3 labels", "a longer header"}, nil},
		{"two in one", edit(testLabels, func(b []byte) []byte { return append(b, images(100)...) }), testLabels, []string{"at least 65547 bytes", "two files"}, nil},
		{"label above 9", edit(testLabels, func(b []byte) []byte { b[9] = 10; return b }), testLabels, []string{"label 10 at index 1", "0 to 9", "EMNIST"}, nil},
		{"counts differ", edit(testLabels, func(b []byte) []byte { return labels(4) }), testLabels, []string{"4 labels", "3, one for each image"}, nil},
		{"labels of the other set", edit(testLabels, func(b []byte) []byte { return labels(small) }), testLabels, []string{"5002 labels", "the labels of the other set"}, nil},
		{"sets exchanged", fstest.MapFS{
			trainImages: {Data: images(small)}, "train-labels-idx1-ubyte": {Data: labels(small)},
			"t10k-images-idx3-ubyte": {Data: images(6 * small)}, testLabels: {Data: labels(6 * small)},
		}, trainImages, []string{"5002 images", "t10k-images-idx3-ubyte has 30012", "exchanged"}, nil},
		{"one set twice", fstest.MapFS{
			trainImages: {Data: images(small)}, "train-labels-idx1-ubyte": {Data: labels(small)},
			"t10k-images-idx3-ubyte": {Data: images(small)}, testLabels: {Data: labels(small)},
		}, "t10k-images-idx3-ubyte", []string{"the content of train-images-idx3-ubyte", "other images"}, nil},
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
	for _, has := range []string{"t10k-images-idx3-ubyte", "train-images-idx3-ubyte", "train-labels-idx1-ubyte"} {
		if !strings.Contains(err.Error(), has) {
			t.Errorf("missing file: %v does not say that there is %s", err, has)
		}
	}
	if _, err := Read(fstest.MapFS{}); err == nil || !strings.Contains(err.Error(), "the folder is empty") {
		t.Errorf("no files: %v", err)
	}
	if _, err := Read(nil); err == nil || !strings.Contains(err.Error(), "fsys is nil") {
		t.Errorf("no folder: %v", err)
	}
	for want, gz := range map[string][]byte{
		"an HTML page":    []byte("<html><body>Sign in</body></html>"),
		"an XML document": []byte("<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>"),
		"packed twice":    packed(t, packed(t, labels(3))),
		"0 bytes":         nil,
		"a zip archive":   []byte("PK\x03\x04 and so on"),
		"not finish":      packed(t, labels(3))[:20],
	} {
		wrong := files()
		delete(wrong, testLabels)
		wrong[testLabels+".gz"] = &fstest.MapFile{Data: gz}
		var format *FormatError
		if _, err := Read(wrong); !errors.As(err, &format) || format.File != testLabels+".gz" || !strings.Contains(err.Error(), want) {
			t.Errorf("%s in a .gz: %v", want, err)
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
