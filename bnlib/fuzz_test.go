package bnlib

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"batchnorm/bnlib/internal/store"
	"batchnorm/bnlib/probe"
)

// FuzzRun hands the decoder of runs a head of any content, and arrays as a store returns them: losses, and weights whose names are
// lines of a text and whose dimensions are its bytes. It gives a run that encodes to what it was decoded from, or an error.
func FuzzRun(f *testing.F) {
	head := func(of *Run) []byte {
		h, _ := encodeRun(of)
		text, err := json.Marshal(h)
		if err != nil {
			f.Fatal(err)
		}
		return text
	}
	small := &Run{Status: Diverged, DivergedAt: 2, Points: []Point{{0, 2.3, .1}, {2, 1, .5}}, Test: .5,
		Network: Network{Norm: Batch, Experiment: Experiment{Steps: 2, Hidden: []int{3}, Rates: Frozen("a")}}, Notes: []string{"note"},
		Weights: []Weight{{Name: "a/w", Trainable: true}, {Name: "a/m"}}}
	whole := head(small)
	f.Add(whole, 2, "a/w\na/m", []byte{2, 3, 0, 1})
	f.Add(whole, 3, "a/w\na/m", []byte{1, 1})
	f.Add(whole, 2, "a/w", []byte{4})
	f.Add(whole, 2, "a/w\na/m\nb", []byte{1, 1, 1})
	for _, change := range [][2]string{
		{`"Status":1`, `"Status":2`}, {`"DivergedAt":2`, `"DivergedAt":3`}, {`[2,1,0.5]`, `[1e300,1,2]`}, {`[2,1,0.5]`, `[]`}, {`[2,1,0.5]`, `["NaN","-Inf","0x1p-3"]`},
		{`"Steps":2`, `"Steps":-1`}, {`"Answers":[0,`, `"Answers":[-1,`}, {`"Answers":[0,`, `"Answers":[0,0,0,0,0,0,0,0,0,0,0,0,`}, {`"Hidden":[3]`, `"Hidden":[` + strings.Repeat("0,", 500) + `0]`},
		{`"Points":[`, `"Points":[` + strings.Repeat("[0,0,0],", 100)}, {`"Notes":[`, `"Notes":[` + strings.Repeat(`"",`, 300)}, {`"Test":0.5`, `"Test":1e999`},
	} {
		changed := strings.Replace(string(whole), change[0], change[1], 1)
		if changed == string(whole) {
			f.Fatalf("nothing is %s in %s", change[0], whole)
		}
		f.Add([]byte(changed), 2, "a/w\na/m", []byte{1, 1})
	}
	f.Fuzz(func(t *testing.T, head []byte, losses int, names string, dims []byte) {
		arrays, size := []store.Array{}, 0
		add := func(name string, dims []int) {
			n := 1
			for _, d := range dims {
				n *= d
			}
			arrays, size = append(arrays, store.Array{Name: name, Dims: dims, Data: make([]float32, n)}), size+4*n+len(name)
		}
		if losses >= 0 {
			add("losses", []int{losses % 1000})
		}
		for i, name := range strings.Split(names, "\n") {
			if i < len(dims) && i < 50 {
				add("weights/"+name, []int{int(dims[i] % 16), int(dims[i] / 16)})
			}
		}
		var run *Run
		var err error
		if grown, most := allocates(func() { run, err = decodeRun(head, arrays) }), 100*len(head)+size+1<<16; grown > most {
			t.Errorf("%d bytes allocated for a head of %d", grown, len(head))
		}
		if err != nil {
			if run != nil || err.Error() == "" {
				t.Errorf("%v and %v", run, err)
			}
			return
		}
		again, kept := encodeRun(run)
		if len(kept) != len(arrays) {
			t.Errorf("%d arrays of %d", len(kept), len(arrays))
		}
		encodesTo(t, again, func(text []byte) (any, error) {
			run, err := decodeRun(text, kept)
			if err != nil {
				return nil, err
			}
			head, _ := encodeRun(run)
			return head, nil
		})
	})
}

// FuzzHistory is FuzzRun for what a hook saw. Every array has numbers for each look and as many more as its byte says.
func FuzzHistory(f *testing.F) {
	f.Add([]byte(`{"Hook":"h","Steps":[0,20],"Names":["a","b"]}`), "a\nb", []byte{2, 4}, 0)
	f.Add([]byte(`{"Hook":"h","Steps":[0,20],"Names":["a","a"]}`), "a", []byte{2}, 0)
	f.Add([]byte(`{"Hook":"h","Steps":[20,0],"Names":["a"]}`), "a", []byte{2}, 0)
	f.Add([]byte(`{"Hook":"h","Steps":null,"Names":["a"]}`), "a", []byte{0}, 0)
	f.Add([]byte(`{"Hook":"h","Steps":[-1],"Names":["a"]}`), "a", []byte{1}, 0)
	f.Add([]byte(`{"Hook":"h","Steps":[0,1,2],"Names":["a"]}`), "a", []byte{2}, 0)
	f.Add([]byte(`{"Hook":"h","Steps":[0],"Names":["a"]}`), "a\nb", []byte{2, 2}, 1)
	f.Add([]byte(`{"Hook":"h","Steps":[0],"Names":["a","b"]}`), "a", []byte{2}, 1)
	f.Add(manyLooks(200, 200), "a", []byte{0}, 0)
	f.Fuzz(func(t *testing.T, head []byte, names string, lengths []byte, kind int) {
		arrays, size := []store.Array{}, 0
		for i, name := range strings.Split(names, "\n") {
			if i < len(lengths) && i < 50 {
				n := int(lengths[i])
				a := store.Array{Name: name, Dims: []int{n}, Data: make([]float64, n)}
				if kind == i+1 {
					a.Data = make([]float32, n)
				}
				arrays, size = append(arrays, a), size+8*n+len(name)
			}
		}
		var h *probe.History
		var err error
		if grown, most := allocates(func() { h, err = decodeHistory(head, arrays) }), 100*len(head)+10*size+1<<16; grown > most {
			t.Errorf("%d bytes allocated for a head of %d and arrays of %d", grown, len(head), size)
		}
		if err != nil {
			if h != nil || err.Error() == "" {
				t.Errorf("%v and %v", h, err)
			}
			return
		}
		again, kept := encodeHistory("h", h)
		encodesTo(t, again, func(text []byte) (any, error) {
			h, err := decodeHistory(text, kept)
			if err != nil {
				return nil, err
			}
			head, _ := encodeHistory("h", h)
			return head, nil
		})
	})
}

// encodesTo checks that a head is, in JSON, what decoding and encoding makes of its JSON.
func encodesTo(t *testing.T, head any, through func(text []byte) (any, error)) {
	t.Helper()
	text, err := json.Marshal(head)
	if err != nil {
		t.Fatal(err)
	}
	other, err := through(text)
	if err != nil {
		t.Fatalf("what was decoded and encoded cannot be decoded: %v\n%s", err, text)
	}
	if again, err := json.Marshal(other); err != nil || string(again) != string(text) {
		t.Errorf("decoded and encoded again it is\n%s, %v, not\n%s", again, err, text)
	}
}

// allocates returns how many bytes a call allocates, and what runs beside it.
func allocates(call func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	call()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

// manyLooks is the head of a history that claims many records at many steps.
func manyLooks(steps, names int) []byte {
	h := historyHead{Hook: "h"}
	for i := range steps {
		h.Steps = append(h.Steps, i)
	}
	for i := range names {
		h.Names = append(h.Names, fmt.Sprint(i))
	}
	text, err := json.Marshal(h)
	if err != nil {
		panic(err)
	}
	return text
}

// TestHistoryAllocation decodes small files that claim ten thousand records at ten thousand steps: a table of them would take
// gigabytes.
func TestHistoryAllocation(t *testing.T) {
	head := manyLooks(10000, 10000)
	var empty []store.Array
	for i := range 10000 {
		empty = append(empty, store.Array{Name: fmt.Sprint(i), Dims: []int{10000, 0}, Data: []float64{}})
	}
	repeated := strings.NewReplacer("0", "1", "2", "1", "3", "1", "4", "1", "5", "1", "6", "1", "7", "1", "8", "1", "9", "1")
	steps, names, _ := strings.Cut(string(head), `"Names"`)
	for name, c := range map[string]struct {
		head   string
		arrays []store.Array
	}{
		"records that are missing":      {string(head), nil},
		"records of nothing":            {string(head), empty},
		"one record under another name": {steps + `"Names"` + repeated.Replace(names), []store.Array{{Name: "1", Dims: []int{10000, 1}, Data: make([]float64, 10000)}}},
	} {
		var err error
		grown := allocates(func() { _, err = decodeHistory([]byte(c.head), c.arrays) })
		if err == nil || grown > 100*len(c.head) {
			t.Errorf("%s: %d bytes allocated for a head of %d, %v", name, grown, len(c.head), err)
		}
	}
}
