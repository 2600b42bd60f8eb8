package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var sampleHead = json.RawMessage(`{"name": "<a & b>\u00e9é", "steps": [1, 2.50], "x": null}`)

// sample returns arrays of every type, with numbers that comparisons and conversions are bad at.
func sample() []Array {
	return []Array{
		{"hidden_1/dense/weights", []int{2, 3}, []float32{
			math.Float32frombits(0x7f800001), math.Float32frombits(0xffc12345), // NaNs, the first a signalling one
			float32(math.Inf(1)), math.Float32frombits(1 << 31), 1e-45, 0.1}},
		{"loss", []int{2}, []float64{math.Float64frombits(0x7ff0000000000001), math.Inf(-1)}},
		{"step", []int{1, 1}, []int64{math.MinInt64}},
		{"class ✓", []int{2}, []int32{-1, math.MaxInt32}},
		{"bytes", []int{3}, []uint8{0, 255, 7}},
		{"one number", nil, []float32{7}},
		{"nothing", []int{0, 5}, []float64{}},
	}
}

// bitsOf returns arrays by name with their numbers as bits.
func bitsOf(t testing.TB, arrays []Array) map[string]string {
	t.Helper()
	m := map[string]string{}
	for _, a := range arrays {
		var bits any
		switch data := a.Data.(type) {
		case []float32:
			bits = apply(data, math.Float32bits)
		case []float64:
			bits = apply(data, math.Float64bits)
		default:
			bits = data
		}
		m[a.Name] = fmt.Sprintf("%T %v %v", a.Data, append([]int{}, a.Dims...), bits)
	}
	if len(m) != len(arrays) {
		t.Errorf("%d arrays of %d names", len(arrays), len(m))
	}
	return m
}

func apply[T, U any](list []T, f func(T) U) []U {
	var out []U
	for _, x := range list {
		out = append(out, f(x))
	}
	return out
}

func put(t testing.TB, s *Store, key string) {
	t.Helper()
	if err := s.Put(key, sampleHead, sample()); err != nil {
		t.Fatal(err)
	}
}

func names(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return apply(entries, os.DirEntry.Name)
}

func TestRoundTrip(t *testing.T) {
	s := &Store{Dir: filepath.Join(t.TempDir(), "made", "by Put")}
	if keys, err := s.Keys(); len(keys) != 0 || err != nil {
		t.Errorf("keys of a folder that is missing: %v, %v", keys, err)
	}
	if _, err := s.Head("ab"); !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), "ab") {
		t.Errorf("no entry: %v", err)
	}
	put(t, s, "ab")
	head, arrays, err := s.Get("ab")
	if err != nil || !bytes.Equal(head, sampleHead) {
		t.Fatalf("head %s, %v, want %s", head, err, sampleHead)
	}
	if got, want := bitsOf(t, arrays), bitsOf(t, sample()); !reflect.DeepEqual(got, want) {
		t.Errorf("arrays\n%v, want\n%v", got, want)
	}
	if head, err := s.Head("ab"); err != nil || !bytes.Equal(head, sampleHead) {
		t.Errorf("head alone %s, %v", head, err)
	}
	_, some, err := s.Get("ab", "step", "loss")
	if err != nil || !slices.Equal(apply(some, func(a Array) string { return a.Name }), []string{"step", "loss"}) {
		t.Errorf("named arrays %v, %v", some, err)
	}
	if _, _, err := s.Get("ab", "step", "nope"); err == nil || !strings.Contains(err.Error(), `"nope"`) {
		t.Errorf("a name that is not there: %v", err)
	}
	if step, dims, err := Values[int64](arrays, "step"); err != nil || !slices.Equal(step, []int64{math.MinInt64}) || len(dims) != 2 {
		t.Errorf("values %v %v, %v", step, dims, err)
	}
	if _, _, err := Values[int32](arrays, "step"); err == nil || !strings.Contains(err.Error(), "[]int64") {
		t.Errorf("values of another type: %v", err)
	}
	if _, _, err := Values[int32](arrays, "nope"); err == nil {
		t.Error("values of an array that is not there")
	}

	if err := s.Put("ab", json.RawMessage(`1`), nil); err != nil {
		t.Fatal(err)
	}
	if head, arrays, err := s.Get("ab"); string(head) != "1" || len(arrays) != 0 || err != nil {
		t.Errorf("replaced: %s, %v, %v", head, arrays, err)
	}
	put(t, s, "ab-1")
	put(t, s, "ab0")
	if keys, err := s.Keys(); err != nil || !slices.Equal(keys, []string{"ab", "ab-1", "ab0"}) {
		t.Errorf("keys %v, %v", keys, err)
	}
	if err := s.Delete("ab"); err != nil {
		t.Error(err)
	}
	if err := s.Delete("ab"); !errors.Is(err, ErrMissing) {
		t.Errorf("deleting twice: %v", err)
	}
	if got := names(t, s.Dir); !slices.Equal(got, []string{"ab-1" + entrySuffix, "ab0" + entrySuffix}) {
		t.Errorf("the folder holds %v", got)
	}
	if err := os.RemoveAll(s.Dir); err != nil {
		t.Fatal(err)
	}
	put(t, s, "ab")
	if _, _, err := s.Get("ab"); err != nil {
		t.Errorf("put after the folder was removed: %v", err)
	}
}

func TestAlignment(t *testing.T) {
	content, err := encode("ab", sampleHead, sample())
	if err != nil {
		t.Fatal(err)
	}
	f, err := open(bytes.NewReader(content), int64(len(content)), "ab")
	if err != nil {
		t.Fatal(err)
	}
	tensors, err := f.tensors()
	for _, tensor := range tensors {
		if at := f.start + tensor.Offsets[0]; at%int64(sizes[tensor.Type]) != 0 {
			t.Errorf("%s: %s at %d", tensor.name, tensor.Type, at)
		}
	}
	if err != nil || len(tensors) != len(sample()) {
		t.Errorf("%d arrays, %v", len(tensors), err)
	}
}

func TestPutRefuses(t *testing.T) {
	s := &Store{Dir: t.TempDir()}
	one := []float32{1}
	for _, c := range []struct {
		name, key, head string
		arrays          []Array
		want            string
	}{
		{"no key", "", "1", nil, `""`},
		{"another folder", "../ab", "1", nil, `"../ab"; allowed`},
		{"capitals", "AB", "1", nil, `"AB"`},
		{"an option", "-ab", "1", nil, `"-ab"`},
		{"a suffix", "ab.part", "1", nil, `"ab.part"`},
		{"long", strings.Repeat("a", 129), "1", nil, "1 to 128"},
		{"no head", "ab", "", nil, "head"},
		{"no JSON", "ab", "NaN", nil, "head"},
		{"no UTF-8", "ab", "\"\xff\"", nil, "UTF-8"},
		{"no name", "ab", "1", []Array{{"", nil, one}}, `array 0 is ""`},
		{"a name twice", "ab", "1", []Array{{"x", nil, one}, {"x", nil, one}}, `array 1 is "x"`},
		{"the metadata's name", "ab", "1", []Array{{"__metadata__", nil, one}}, "__metadata__"},
		{"a name that JSON changes", "ab", "1", []Array{{"\xff", nil, one}}, `\xff`},
		{"another type", "ab", "1", []Array{{"x", nil, []uint16{1}}}, "[]uint16"},
		{"other dims", "ab", "1", []Array{{"x", []int{2}, one}}, "[2]"},
		{"negative dims", "ab", "1", []Array{{"x", []int{-1, -1}, one}}, "[-1 -1]"},
		{"dims that overflow", "ab", "1", []Array{{"x", []int{1 << 32, 1 << 32}, []float32{}}}, "0 numbers"},
	} {
		err := s.Put(c.key, json.RawMessage(c.head), c.arrays)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	if got := names(t, s.Dir); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
	for _, read := range []func(string) error{
		func(key string) error { _, err := s.Head(key); return err },
		func(key string) error { _, _, err := s.Get(key); return err },
		s.Delete,
	} {
		if err := read("../ab"); err == nil || errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), `"../ab"`) {
			t.Errorf("read in another folder: %v", err)
		}
	}
}

// readAll reads a file of an entry from memory as Get does.
func readAll(content []byte, key string) (head json.RawMessage, arrays []Array, err error) {
	f, err := open(bytes.NewReader(content), int64(len(content)), key)
	if err != nil {
		return nil, nil, err
	}
	tensors, err := f.tensors()
	for i := 0; i < len(tensors) && err == nil; i++ {
		var a Array
		a, err = f.array(tensors[i])
		arrays = append(arrays, a)
	}
	return f.head, arrays, err
}

// TestDamage changes every byte of a file in turn, and cuts it at every length: nothing goes unnoticed, and what is in the
// header is noticed by who reads no more than that.
func TestDamage(t *testing.T) {
	whole, err := encode("ab", sampleHead, sample())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := readAll(whole, "ab"); err != nil {
		t.Fatal(err)
	}
	f, err := open(bytes.NewReader(whole), int64(len(whole)), "ab")
	if err != nil {
		t.Fatal(err)
	}
	start := int(f.start)
	var d damage
	for i := range whole {
		for _, flip := range []byte{1, 2, 4, 8, 16, 32, 64, 128, 255} {
			changed := bytes.Clone(whole)
			changed[i] ^= flip
			if _, _, err := readAll(changed, "ab"); !errors.As(err, &d) {
				t.Errorf("byte %d of %d (%q to %q): %v", i, len(whole), whole[i], changed[i], err)
			}
			if _, err := open(bytes.NewReader(changed), int64(len(changed)), "ab"); i < start && !errors.As(err, &d) {
				t.Errorf("byte %d of a header of %d (%q to %q): %v", i, start, whole[i], changed[i], err)
			}
		}
	}
	for n := range whole {
		for _, cut := range [][]byte{whole[:n], append(bytes.Clone(whole[:n]), make([]byte, len(whole)-n+8)...)} {
			if _, err := open(bytes.NewReader(cut), int64(len(cut)), "ab"); !errors.As(err, &d) {
				t.Errorf("%d bytes of %d in a file of %d: %v", n, len(whole), len(cut), err)
			}
		}
		// The length that was true when the file was opened, no longer is.
		if _, err := open(bytes.NewReader(whole[:n]), int64(len(whole)), "ab"); n < start && !errors.As(err, &d) {
			t.Errorf("cut at %d while reading: %v", n, err)
		}
	}
}

// TestDamageOnDisk does so with a small entry's file, where who reads says what is wrong, sets the file aside, and makes the entry
// anew: every bit of every byte flipped in turn, and the file cut at every length.
func TestDamageOnDisk(t *testing.T) {
	s := &Store{Dir: t.TempDir()}
	path := filepath.Join(s.Dir, "ab"+entrySuffix)
	head, arrays := json.RawMessage("[1]"), []Array{{"x", []int{2}, []float32{1, 2}}}
	whole, err := encode("ab", head, arrays)
	if err != nil {
		t.Fatal(err)
	}
	found := func(what string, content []byte) {
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
		var d *DamagedError
		if _, _, err := s.Get("ab"); !errors.As(err, &d) || d.Found == "" || d.Err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if kept, err := os.ReadFile(d.Aside); err != nil || !bytes.Equal(kept, content) {
			t.Fatalf("%s: set aside: %v", what, err)
		}
		if _, _, err := s.Get("ab"); !errors.Is(err, ErrMissing) {
			t.Fatalf("%s: after it was set aside: %v", what, err)
		}
	}
	for i := range whole {
		for bit := range 8 {
			if testing.Short() && bit != i%8 {
				continue
			}
			changed := bytes.Clone(whole)
			changed[i] ^= 1 << bit
			found(fmt.Sprintf("bit %d of byte %d", bit, i), changed)
		}
		found(fmt.Sprintf("cut at %d", i), whole[:i])
	}
	if err := s.Put("ab", head, arrays); err != nil {
		t.Fatal(err)
	}
	if _, again, err := s.Get("ab"); err != nil || !reflect.DeepEqual(bitsOf(t, again), bitsOf(t, arrays)) {
		t.Errorf("made anew: %v, %v", again, err)
	}
	t.Logf("%d bytes flipped in turn, cut at each: all found and set aside", len(whole))
}

// TestHostile hands the reader headers that are sealed but lie.
func TestHostile(t *testing.T) {
	sealed := func(fields string, data int) []byte {
		file := append(make([]byte, lengthBytes), headerPrefix+strings.Repeat("0", sumDigits)+`",`+fields...)
		for i := range lengthBytes {
			file[i] = byte((len(file) - lengthBytes) >> (8 * i))
		}
		copy(file[sealAt:], seal(file))
		return append(file, make([]byte, data)...)
	}
	meta := `"format":"batchnorm 1","key":"ab","bytes":"8","head":"1"},`
	for _, c := range []struct{ name, fields, want string }{
		{"not JSON", meta, "header"},
		{"other metadata", `"x":1}}`, "want format"},
		{"metadata that is no strings", strings.Replace(meta, `"1"`, `"1","y":1`, 1) + `"x":{}}`, "__metadata__"},
		{"too large", meta + `"x":{"dtype":"F32","shape":[1000000000],"data_offsets":[0,4000000000]}}`, "x"},
		{"overflow", meta + `"x":{"dtype":"F64","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, "x"},
		{"negative", meta + `"x":{"dtype":"F64","shape":[-1,-1],"data_offsets":[0,8]}}`, "x"},
		{"backwards", meta + `"x":{"dtype":"F64","shape":[],"data_offsets":[0,-8]}}`, "x"},
		{"a gap", meta + `"x":{"dtype":"F32","shape":[],"data_offsets":[4,8]}}`, "x"},
		{"an overlap", meta + `"x":{"dtype":"F64","shape":[],"data_offsets":[0,8]},"y":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}`, "x"},
		{"a rest", meta + `"x":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}`, "end at 4"},
		{"another type", meta + `"x":{"dtype":"BF16","shape":[4],"data_offsets":[0,8]}}`, "BF16"},
		{"half a number", meta + `"x":{"dtype":"F64","shape":[1],"data_offsets":[0,7]}}`, "x"},
		{"no checksum", meta + `"x":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}`, "checksum"},
	} {
		var d damage
		if _, _, err := readAll(sealed(c.fields, 8), "ab"); !errors.As(err, &d) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	var d damage
	other := strings.Replace(meta, "batchnorm 1", "batchnorm 2", 1)
	if _, _, err := readAll(sealed(other+`"x":{}}`, 8), "ab"); err == nil || errors.As(err, &d) || !strings.Contains(err.Error(), "batchnorm 2") {
		t.Errorf("a format to come: %v, want an error that is no damage", err)
	}
}

func TestSetAside(t *testing.T) {
	s := &Store{Dir: t.TempDir()}
	flip := func(key string) {
		path := filepath.Join(s.Dir, key+entrySuffix)
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		content[len(content)-1] ^= 1
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put(t, s, "ab")
	flip("ab")
	if _, err := s.Head("ab"); err != nil {
		t.Errorf("a flipped bit in an array, seen from the head: %v", err)
	}
	if _, _, err := s.Get("ab", "step"); err != nil {
		t.Errorf("a flipped bit in another array: %v", err)
	}
	head, arrays, err := s.Get("ab")
	var d *DamagedError
	if !errors.As(err, &d) || errors.Is(err, ErrMissing) || head != nil || arrays != nil {
		t.Fatalf("a flipped bit: %v, with %s and %v", err, head, arrays)
	}
	if aside := filepath.Join(s.Dir, "ab.damaged"); d.Key != "ab" || d.Aside != aside || !strings.Contains(d.Found, "array") || d.Err != nil {
		t.Errorf("%#v", d)
	}
	if got := names(t, s.Dir); !slices.Equal(got, []string{"ab.damaged"}) {
		t.Errorf("the folder holds %v", got)
	}
	if _, _, err := s.Get("ab"); !errors.Is(err, ErrMissing) {
		t.Errorf("after it was set aside: %v", err)
	}
	put(t, s, "ab")
	if _, _, err := s.Get("ab"); err != nil {
		t.Errorf("made anew: %v", err)
	}

	// One entry under the name of another.
	if err := os.Rename(filepath.Join(s.Dir, "ab"+entrySuffix), filepath.Join(s.Dir, "cd"+entrySuffix)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Head("cd"); !errors.As(err, &d) || !strings.Contains(d.Found, `"ab"`) {
		t.Errorf("another key's file: %v", err)
	}

	// The file that was damaged has been replaced by the time that it would be set aside.
	put(t, s, "ef")
	path := filepath.Join(s.Dir, "ef"+entrySuffix)
	old, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, "ef")
	if err := s.setAside("ef", path, old, "x"); !errors.As(err, &d) {
		t.Error(err)
	}
	if _, _, err := s.Get("ef"); err != nil {
		t.Errorf("a good file was set aside: %v", err)
	}
}

func TestVerify(t *testing.T) {
	s := &Store{Dir: t.TempDir()}
	for _, key := range []string{"a", "b", "c"} {
		put(t, s, key)
	}
	if err := os.Truncate(filepath.Join(s.Dir, "b"+entrySuffix), 100); err != nil {
		t.Fatal(err)
	}
	sound, found, err := s.Verify(t.Context())
	if sound != 2 || len(found) != 1 || found[0].Key != "b" || err != nil {
		t.Errorf("%d sound, %v, %v", sound, found, err)
	}
	if sound, found, err := s.Verify(t.Context()); sound != 2 || len(found) != 0 || err != nil {
		t.Errorf("again: %d sound, %v, %v", sound, found, err)
	}
}

func TestPrune(t *testing.T) {
	s := &Store{Dir: t.TempDir()}
	age := func(name string, hours int) {
		then := time.Now().Add(-time.Duration(hours) * time.Hour)
		if err := os.Chtimes(filepath.Join(s.Dir, name), then, then); err != nil {
			t.Fatal(err)
		}
	}
	for i, key := range []string{"a", "b", "c", "d", "e"} {
		put(t, s, key)
		age(key+entrySuffix, 100-i)
	}
	if err := os.WriteFile(filepath.Join(s.Dir, "README"), nil, 0o644); err != nil { // not ours
		t.Fatal(err)
	}
	age("README", 1000)
	if _, err := s.Head("a"); err != nil { // a use
		t.Fatal(err)
	}
	if _, _, err := s.Verify(t.Context()); err != nil { // none
		t.Fatal(err)
	}
	size, err := s.Size()
	if err != nil || size.Files != 5 {
		t.Fatalf("size %v, %v", size, err)
	}
	one := size.Bytes / 5
	if removed, err := s.Prune(Limits{}); removed != (Size{}) || err != nil {
		t.Errorf("no limits: removed %v, %v", removed, err)
	}
	if removed, err := s.Prune(Limits{Bytes: 4*one + 1}); removed != (Size{1, one}) || err != nil {
		t.Errorf("by size: removed %v, %v", removed, err)
	}
	if keys, _ := s.Keys(); !slices.Equal(keys, []string{"a", "c", "d", "e"}) {
		t.Errorf("by size: %v left", keys)
	}
	if removed, err := s.Prune(Limits{Bytes: 4 * one, Age: 97 * time.Hour}); removed.Files != 2 || err != nil {
		t.Errorf("by age: removed %v, %v", removed, err)
	}
	if got, want := names(t, s.Dir), []string{"README", "a" + entrySuffix, "e" + entrySuffix}; !slices.Equal(got, want) {
		t.Errorf("left %v, want %v", got, want)
	}
	if _, err := s.Prune(Limits{Bytes: -1}); err == nil || !strings.Contains(err.Error(), "-1") {
		t.Errorf("a negative limit: %v", err)
	}
}

// TestTogether lets writers and readers of one key at it at once.
func TestTogether(t *testing.T) {
	dir := t.TempDir()
	want := bitsOf(t, sample())
	var group sync.WaitGroup
	for range 4 {
		s := &Store{Dir: dir} // each as if in a process of its own
		group.Go(func() {
			for range 20 {
				if err := s.Put("ab", sampleHead, sample()); err != nil {
					t.Error(err)
				}
				_, arrays, err := s.Get("ab")
				if err != nil || !reflect.DeepEqual(bitsOf(t, arrays), want) {
					t.Errorf("%v, %v", arrays, err)
				}
			}
		})
	}
	group.Wait()
	if got := names(t, dir); !slices.Equal(got, []string{"ab" + entrySuffix}) {
		t.Errorf("the folder holds %v", got)
	}
}
