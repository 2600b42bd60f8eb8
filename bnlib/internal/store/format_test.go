package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

// FuzzRead hands the reader a file of any content, as it is and with its header's length and checksum made right. The reader
// returns what encodes to a file that it reads as the same, or a damage; it allocates no more than the file is large, times what
// JSON takes.
func FuzzRead(f *testing.F) {
	whole, err := encode("ab", sampleHead, sample())
	if err != nil {
		f.Fatal(err)
	}
	small, err := encode("ab", json.RawMessage("1"), []Array{{"x", []int{2}, []float32{1, 2}}})
	if err != nil {
		f.Fatal(err)
	}
	header := len(small) - 8
	f.Add(whole, 0)
	f.Add(small, 0)
	f.Add(small, header)
	f.Add(small[:header-1], header-1)
	for _, change := range [][2]string{
		{`[2]`, `[9000000000000000000]`}, {`[0,8]`, `[8,0]`}, {`[0,8]`, `[-8,0]`}, {`"F32"`, `"F64"`}, {`"bytes":"8"`, `"bytes":"9"`},
		{`"x":{`, `"x":{"shape":[0,-1],`}, {`"x":{`, `"y":{"dtype":"I32","shape":[0],"data_offsets":[8,8]},"x":{`}, {`"key"`, `"KEY"`},
		{`[2]`, `null`}, {`[2]`, strings.Repeat("[", 10000)},
	} {
		changed := bytes.Replace(small, []byte(change[0]), []byte(change[1]), 1)
		if bytes.Equal(changed, small) {
			f.Fatalf("nothing is %s", change[0])
		}
		f.Add(changed, len(changed)-8)
	}
	f.Fuzz(func(t *testing.T, content []byte, header int) {
		if header >= minFile && header <= len(content) {
			content = bytes.Clone(content)
			copy(content, bytes.Repeat([]byte{0}, lengthBytes))
			for i := range 4 {
				content[i] = byte((header - lengthBytes) >> (8 * i))
			}
			copy(content[lengthBytes:], headerPrefix)
			copy(content[sealAt:], seal(content[:header]))
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		head, arrays, err := readAll(content, "ab")
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > uint64(60*len(content)+1<<16) {
			t.Errorf("%d bytes allocated for a file of %d", grown, len(content))
		}
		if err != nil {
			var d damage
			if !errors.As(err, &d) && !strings.Contains(err.Error(), "format") {
				t.Errorf("%T %v", err, err)
			}
			return
		}
		room := 0
		for _, a := range arrays {
			name, n := typeOf(a.Data)
			room += n * sizes[name]
			if want, ok := product(a.Dims); !ok || n != want {
				t.Errorf("%d numbers of %v", n, a.Dims)
			}
		}
		if room+len(head) > len(content) {
			t.Errorf("%d bytes of arrays and a head of %d from a file of %d", room, len(head), len(content))
		}
		again, err := encode("ab", head, arrays)
		if err != nil {
			if json.Valid(head) {
				t.Errorf("what was read cannot be encoded: %v", err)
			}
			return
		}
		sameHead, same, err := readAll(again, "ab")
		if err != nil || !bytes.Equal(head, sameHead) || !reflect.DeepEqual(bitsOf(t, arrays), bitsOf(t, same)) {
			t.Errorf("encoded again, it is not the same: %v", err)
		}
	})
}

// TestAllocation reads a file whose header says that it is enormous.
func TestAllocation(t *testing.T) {
	content, err := encode("ab", json.RawMessage("1"), []Array{{"x", []int{2}, []float32{1, 2}}})
	if err != nil {
		t.Fatal(err)
	}
	for at, name := range map[int]string{4: "a header of gigabytes", 7: "a header of more"} {
		huge := bytes.Clone(content)
		huge[at] = 0x7f
		const times = 100
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range times {
			if _, _, err := readAll(huge, "ab"); err == nil {
				t.Fatalf("%s: no error", name)
			}
		}
		runtime.ReadMemStats(&after)
		if each := (after.TotalAlloc - before.TotalAlloc) / times; each > 10*uint64(len(content)) {
			t.Errorf("%s: %d bytes allocated for a file of %d", name, each, len(content))
		}
	}
}

// TestPython reads an entry with Python's safetensors, where that is installed.
func TestPython(t *testing.T) {
	if err := exec.CommandContext(t.Context(), "python3", "-c", "import safetensors.numpy").Run(); err != nil {
		t.Skipf("no python3 with numpy and safetensors: %v", err)
	}
	s := &Store{Dir: t.TempDir()}
	put(t, s, "ab")
	out, err := exec.CommandContext(t.Context(), "python3", "-c", `
import json, sys
from safetensors import safe_open
with safe_open(sys.argv[1], "numpy") as f:
    arrays = {n: f.get_tensor(n) for n in f.keys()}
    print(json.dumps({"head": f.metadata()["head"],
        "arrays": {n: f"{a.dtype} {list(a.shape)} {a.tobytes().hex()}" for n, a in arrays.items()}}))
`, filepath.Join(s.Dir, "ab"+entrySuffix)).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var got struct {
		Head   string
		Arrays map[string]string
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want := map[string]string{
		"hidden_1/dense/weights": "float32 [2, 3] 0100807f4523c1ff0000807f0000008001000000cdcccc3d",
		"loss":                   "float64 [2] 010000000000f07f000000000000f0ff",
		"step":                   "int64 [1, 1] 0000000000000080",
		"class ✓":                "int32 [2] ffffffffffffff7f",
		"one number":             "float32 [] 0000e040",
		"nothing":                "float64 [0, 5] ",
	}
	if got.Head != string(sampleHead) || !reflect.DeepEqual(got.Arrays, want) {
		t.Errorf("head %s, arrays\n%v, want\n%v", got.Head, got.Arrays, want)
	}
}

// typical returns about a megabyte, as a run of the article's network leaves behind: a head of 4 kB, and n arrays.
func typical(n int) (head json.RawMessage, arrays []Array) {
	head = json.RawMessage(`{"text":"` + strings.Repeat(`\"name\" of something `, 190) + `"}`)
	for i := range n {
		length := (1 << 18) / n
		arrays = append(arrays, Array{fmt.Sprintf("hidden_%d/dense/weights", i), []int{length}, make([]float32, length)})
	}
	return head, arrays
}

func BenchmarkStore(b *testing.B) {
	for _, n := range []int{16, 256} {
		head, arrays := typical(n)
		s := &Store{Dir: b.TempDir()}
		b.Run(fmt.Sprintf("Put/arrays=%d", n), func(b *testing.B) {
			for b.Loop() {
				if err := s.Put("ab", head, arrays); err != nil {
					b.Fatal(err)
				}
			}
		})
		if err := s.Put("ab", head, arrays); err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("Head/arrays=%d", n), func(b *testing.B) {
			for b.Loop() {
				if _, err := s.Head("ab"); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("Get/arrays=%d", n), func(b *testing.B) {
			for b.Loop() {
				if _, _, err := s.Get("ab"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
