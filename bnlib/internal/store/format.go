package store

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"math/bits"
	"slices"
	"strings"
	"unicode/utf8"
)

// The safetensors format (huggingface.co/docs/safetensors): the length of the header in eight bytes, little-endian; the header,
// a JSON object of one {"dtype", "shape", "data_offsets"} for each array and of strings under "__metadata__"; the numbers of
// the arrays, little-endian, without gaps. On top of it:
//   - The header begins with its own checksum: the sha256 of its length and of all of it but these 64 digits.
//   - "__metadata__" goes on with the format, the key, the bytes of all arrays together (so that a file that was cut off is
//     known by its header), and the head, in this order: who reads the head parses no more than that. The sha256 of each
//     array's bytes is under "sha256:" and its name.
//
// sha256 rather than a CRC: processors have instructions for it, and it costs less than reading JSON does.
const (
	headerPrefix = `{"` + metadataName + `":{"sha256":"`
	sumDigits    = 2 * sha256.Size
	lengthBytes  = 8
	sealAt       = lengthBytes + len(headerPrefix) // where the header's checksum is
	minFile      = sealAt + sumDigits

	metadataName = "__metadata__"
	formatName   = "batchnorm 1"
	sumPrefix    = "sha256:"
)

// Array is a named array of numbers.
type Array struct {
	Name string
	Dims []int // none: one number
	Data any   // []float32, []float64, []int32, []int64 or []uint8, row-major
}

// Number is what the arrays of a store are made of.
type Number interface {
	float32 | float64 | int32 | int64 | uint8
}

// Values returns the numbers and the dimensions of the array of a name. They share the array's memory.
func Values[T Number](arrays []Array, name string) (values []T, dims []int, err error) {
	i := slices.IndexFunc(arrays, func(a Array) bool { return a.Name == name })
	if i < 0 {
		return nil, nil, fmt.Errorf("store: no array %q", name)
	}
	values, ok := arrays[i].Data.([]T)
	if !ok {
		return nil, nil, fmt.Errorf("store: array %q is %T, not %T", name, arrays[i].Data, values)
	}
	return values, arrays[i].Dims, nil
}

// tensor is what the header says of an array.
type tensor struct {
	Type    string   `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"` // from the end of the header

	name string
	sum  string
}

// damage is an error that says what of a file is not as it was written.
type damage string

func (d damage) Error() string { return string(d) }

func damaged(format string, args ...any) error { return damage(fmt.Sprintf(format, args...)) }

// encode returns the content of the file of an entry.
func encode(key string, head json.RawMessage, arrays []Array) ([]byte, error) {
	if !json.Valid(head) || !utf8.Valid(head) {
		return nil, errors.New("its head is not JSON in UTF-8")
	}
	tensors := make([]tensor, len(arrays))
	order := make([]int, len(arrays))
	total := 0
	names := make(map[string]bool, len(arrays))
	for i, a := range arrays {
		if a.Name == "" || a.Name == metadataName || !utf8.ValidString(a.Name) || names[a.Name] {
			return nil, fmt.Errorf("name of array %d is %q; allowed: any other in UTF-8, each once", i, a.Name)
		}
		names[a.Name] = true
		name, n := typeOf(a.Data)
		if name == "" {
			return nil, fmt.Errorf("data of array %q is %T; allowed: []float32, []float64, []int32, []int64, []uint8", a.Name, a.Data)
		}
		tensors[i] = tensor{Type: name, Shape: append([]int{}, a.Dims...), name: a.Name}
		if want, ok := product(a.Dims); !ok || want != n {
			return nil, fmt.Errorf("dims of array %q are %v; allowed: those of its %d numbers", a.Name, a.Dims, n)
		}
		order[i] = i
		total += n * sizes[name]
	}
	// Larger numbers first, as safetensors itself writes them: then those who map the file find all of them aligned.
	slices.SortStableFunc(order, func(i, j int) int { return sizes[tensors[j].Type] - sizes[tensors[i].Type] })

	data := make([]byte, 0, total)
	for _, i := range order {
		t := &tensors[i]
		from := len(data)
		var err error
		if data, err = binary.Append(data, binary.LittleEndian, arrays[i].Data); err != nil {
			return nil, err
		}
		t.Offsets = [2]int64{int64(from), int64(len(data))}
		sum := sha256.Sum256(data[from:])
		t.sum = hex.EncodeToString(sum[:])
	}

	file := append(make([]byte, lengthBytes), headerPrefix+strings.Repeat("0", sumDigits)+`"`...)
	field := func(name string, value any) {
		file = append(file, ',')
		file = append(marshal(file, name), ':')
		file = marshal(file, value)
	}
	field("format", formatName)
	field("key", key)
	field("bytes", fmt.Sprint(len(data)))
	field("head", string(head))
	for _, i := range order {
		field(sumPrefix+tensors[i].name, tensors[i].sum)
	}
	file = append(file, '}')
	for _, i := range order {
		field(tensors[i].name, tensors[i])
	}
	file = append(file, '}')
	for len(file)%8 != 0 {
		file = append(file, ' ')
	}
	binary.LittleEndian.PutUint64(file, uint64(len(file)-lengthBytes))
	copy(file[sealAt:], seal(file))
	return append(file, data...), nil
}

// marshal appends value in JSON. Strings and tensors always have one.
func marshal(to []byte, value any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		panic(err)
	}
	return append(to, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}

// seal returns the digits of the checksum of a header, which has its length in front.
func seal(header []byte) string {
	sum := sha256.New()
	sum.Write(header[:sealAt])
	sum.Write(header[sealAt+sumDigits:])
	return hex.EncodeToString(sum.Sum(nil))
}

// sizes are the bytes of a number of each type.
var sizes = map[string]int{"F64": 8, "I64": 8, "F32": 4, "I32": 4, "U8": 1}

// typeOf returns the type of the numbers in data, empty if it is none of the allowed, and how many there are.
func typeOf(data any) (name string, n int) {
	switch data := data.(type) {
	case []float64:
		return "F64", len(data)
	case []int64:
		return "I64", len(data)
	case []float32:
		return "F32", len(data)
	case []int32:
		return "I32", len(data)
	case []uint8:
		return "U8", len(data)
	}
	return "", 0
}

// product returns the product of dims; not ok if one is negative or it exceeds an int.
func product(dims []int) (n int, ok bool) {
	if slices.Contains(dims, 0) {
		return 0, !slices.ContainsFunc(dims, func(d int) bool { return d < 0 })
	}
	n = 1
	for _, d := range dims {
		hi, lo := bits.Mul(uint(n), uint(d))
		if d < 0 || hi != 0 || int(lo) < 0 {
			return 0, false
		}
		n = int(lo)
	}
	return n, true
}

// file is an entry being read: its header is in memory and verified, its arrays are not.
//
// Nothing is allocated for what a header says before the file is known to be as long. Errors that are a damage tell what is
// wrong with the file; others, that it could not be read.
type file struct {
	r      io.ReaderAt
	header []byte // without its length
	head   json.RawMessage
	start  int64 // of the arrays
	size   int64
}

// open reads and verifies the header of the file of a key, and its length.
func open(r io.ReaderAt, size int64, key string) (*file, error) {
	if size < int64(minFile) {
		return nil, damaged("it has %d bytes, fewer than any entry", size)
	}
	length := make([]byte, lengthBytes)
	if err := readAt(r, length, 0); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(length)
	if n < uint64(minFile-lengthBytes) || n > uint64(size-lengthBytes) {
		return nil, damaged("its header would be %d bytes long, in a file of %d", n, size)
	}
	header := make([]byte, lengthBytes+int(n))
	if err := readAt(r, header, 0); err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(header[lengthBytes:], []byte(headerPrefix)) {
		return nil, damaged("its header does not begin as an entry's")
	}
	if seal(header) != string(header[sealAt:sealAt+sumDigits]) {
		return nil, damaged("its header is not the one that was written: the checksum differs")
	}

	// From here on only a file that was made on purpose can be wrong, except for its length and its name.
	f := &file{r: r, header: header[lengthBytes:], start: int64(len(header)), size: size}
	first, err := firstStrings(f.header, "sha256", "format", "key", "bytes", "head")
	if err != nil {
		return nil, damaged("its header: %v", err)
	}
	format, of, want, head := first[1], first[2], first[3], first[4]
	if format != formatName {
		return nil, fmt.Errorf("it is in format %q, not in %q", format, formatName)
	}
	if of != key {
		return nil, damaged("it is the file of %q", of)
	}
	if found := fmt.Sprint(size - f.start); found != want {
		return nil, damaged("it has %s bytes of arrays, not the %s that were written", found, want)
	}
	f.head = json.RawMessage(head)
	return f, nil
}

// firstStrings returns the first fields of a header's metadata, which have these names.
func firstStrings(header []byte, names ...string) ([]string, error) {
	d := json.NewDecoder(bytes.NewReader(header))
	for range 3 { // up to the metadata: the brace, the name, the brace
		if _, err := d.Token(); err != nil {
			return nil, err
		}
	}
	values := make([]string, len(names))
	for i, name := range names {
		found, err := d.Token()
		if err == nil && found != name {
			err = fmt.Errorf("found %v, want %s", found, name)
		}
		if err == nil {
			err = d.Decode(&values[i])
		}
		if err != nil {
			return nil, err
		}
	}
	return values, nil
}

// tensors returns what the header says of the arrays, in the order in which they lie in the file, of which they are known to
// fill every byte behind the header.
func (f *file) tensors() ([]tensor, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(f.header, &fields); err != nil {
		return nil, damaged("its header: %v", err)
	}
	var metadata map[string]string
	if err := json.Unmarshal(fields[metadataName], &metadata); err != nil {
		return nil, damaged("its %s: %v", metadataName, err)
	}
	delete(fields, metadataName)
	tensors := make([]tensor, 0, len(fields))
	for name, field := range fields {
		t := tensor{name: name, sum: metadata[sumPrefix+name]}
		if err := json.Unmarshal(field, &t); err != nil {
			return nil, damaged("array %q: %v", name, err)
		}
		tensors = append(tensors, t)
	}
	slices.SortFunc(tensors, func(a, b tensor) int {
		return cmp.Or(cmp.Compare(a.Offsets[0], b.Offsets[0]), cmp.Compare(a.Offsets[1], b.Offsets[1]), strings.Compare(a.name, b.name))
	})
	end := int64(0)
	for _, t := range tensors {
		n, ok := product(t.Shape)
		size, known := sizes[t.Type]
		from, to := t.Offsets[0], t.Offsets[1]
		// Dividing rather than multiplying keeps a number of any size from overflowing.
		if !ok || !known || from != end || to < from || to > f.size-f.start || (to-from)%int64(size) != 0 || (to-from)/int64(size) != int64(n) {
			return nil, damaged("array %q: no %s of %v can lie at %v", t.name, t.Type, t.Shape, t.Offsets)
		}
		end = to
	}
	if end != f.size-f.start {
		return nil, damaged("its arrays end at %d, the file at %d", end, f.size-f.start)
	}
	return tensors, nil
}

// choose returns the tensors of the names.
func choose(tensors []tensor, names []string) ([]tensor, error) {
	var chosen []tensor
	for _, name := range names {
		i := slices.IndexFunc(tensors, func(t tensor) bool { return t.name == name })
		if i < 0 {
			return nil, fmt.Errorf("no array %q", name)
		}
		chosen = append(chosen, tensors[i])
	}
	return chosen, nil
}

// array reads and verifies an array.
func (f *file) array(t tensor) (Array, error) {
	var data any
	var err error
	from, to := f.start+t.Offsets[0], f.start+t.Offsets[1]
	sum := sha256.New()
	switch t.Type {
	case "F64":
		data, err = numbers[float64](f.r, from, to, 8, sum)
	case "I64":
		data, err = numbers[int64](f.r, from, to, 8, sum)
	case "F32":
		data, err = numbers[float32](f.r, from, to, 4, sum)
	case "I32":
		data, err = numbers[int32](f.r, from, to, 4, sum)
	case "U8":
		data, err = numbers[uint8](f.r, from, to, 1, sum)
	}
	if err != nil {
		return Array{}, err
	}
	if hex.EncodeToString(sum.Sum(nil)) != t.sum {
		return Array{}, damaged("array %q is not the one that was written: the checksum differs", t.name)
	}
	return Array{Name: t.name, Dims: t.Shape, Data: data}, nil
}

// numbers reads the numbers of size bytes each that lie between from and to. Their bytes go through sum as well.
func numbers[T Number](r io.ReaderAt, from, to int64, size int, sum hash.Hash) ([]T, error) {
	values := make([]T, int(to-from)/size)
	buffer := make([]byte, min(int(to-from), 1<<15)) // what the first-level cache of a processor holds
	for rest := values; len(rest) > 0; {
		n := min(len(rest), len(buffer)/size)
		part := buffer[:n*size]
		if err := readAt(r, part, from); err != nil {
			return nil, err
		}
		sum.Write(part)
		if _, err := binary.Decode(part, binary.LittleEndian, rest[:n]); err != nil {
			return nil, err
		}
		from += int64(len(part))
		rest = rest[n:]
	}
	return values, nil
}

// readAt fills p. A file that ends early was cut off since it was opened.
func readAt(r io.ReaderAt, p []byte, at int64) error {
	n, err := r.ReadAt(p, at)
	switch {
	case n == len(p):
		return nil
	case errors.Is(err, io.EOF):
		return damaged("it ends at %d bytes", at+int64(n))
	}
	return err
}
