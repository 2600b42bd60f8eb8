package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"batchnorm/bnlib"
	"batchnorm/bnlib/backend"
	"batchnorm/data"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func images(n int) data.Set {
	s := data.Set{Images: make([]uint8, n*data.Pixels), Labels: make([]uint8, n)}
	for i := range s.Images {
		s.Images[i] = uint8(i * 7)
	}
	for i := range s.Labels {
		s.Labels[i] = uint8(i % data.Classes)
	}
	return s
}

// TestHandOver writes the study and reads it again: the same networks, weights and minibatches.
func TestHandOver(t *testing.T) {
	folder := t.TempDir()
	d := &data.Dataset{Train: images(100), Validation: images(20)}
	w := studyWork(30)
	if err := handOver(folder, d, 2, w); err != nil {
		t.Fatal(err)
	}
	j, err := readJob(filepath.Join(folder, "study"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := j.networks(30)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(w.networks, got, cmpopts.IgnoreFields(bnlib.Experiment{}, "Name"), cmpopts.IgnoreUnexported(bnlib.Experiment{})); diff != "" {
		t.Errorf("networks (-handed over +read):\n%s", diff)
	}
	for i, n := range w.networks {
		initial, err := n.InitialWeights()
		if err != nil {
			t.Fatal(err)
		}
		for k, name := range matrices(n) {
			values, err := readFloats(filepath.Join(folder, "study", j.Networks[i].Weights[k]))
			if err != nil {
				t.Fatal(err)
			}
			at := slices.IndexFunc(initial, func(w bnlib.Weight) bool { return w.Name == name })
			if !slices.Equal(values, initial[at].Values) {
				t.Errorf("network %d: %s differs", i, name)
			}
		}
	}
	if files, err := os.ReadDir(filepath.Join(folder, "weights")); err != nil || len(files) != 8 { // four matrices, two spreads
		t.Errorf("%d files of weights, %v", len(files), err)
	}
	order, err := os.ReadFile(filepath.Join(folder, "study", orderFile))
	if err != nil {
		t.Fatal(err)
	}
	batches, err := w.networks[0].Batches(100)
	if err != nil {
		t.Fatal(err)
	}
	for i, image := range slices.Concat(batches...) {
		if got := int32(binary.LittleEndian.Uint32(order[4*i:])); got != image {
			t.Fatalf("image %d of the order is %d, want %d", i, got, image)
		}
	}
	if pixels, err := os.ReadFile(filepath.Join(folder, "study", j.Data, "train_images")); err != nil || !bytes.Equal(pixels, d.Train.Images) {
		t.Errorf("the images differ, %v", err)
	}
	w.networks[3].Seed = 7
	if err := handOver(folder, d, 2, w); err == nil || !strings.Contains(err.Error(), "same minibatches") {
		t.Errorf("networks of two seeds: %v", err)
	}
}

// TestServe is the other side of TestMeasure: what a program of this binary says.
func TestServe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "losses")
	var asked []int
	train := func(steps int) (answer, [][]float32, error) {
		asked = append(asked, steps)
		if len(asked) == 4 {
			return answer{}, nil, errors.New("no more")
		}
		return answer{Ready: 1, Seconds: 2}, [][]float32{{1, 2}, {3, float32(math.Inf(1))}}, nil
	}
	var out bytes.Buffer
	err := serve(job{Steps: 10, Every: 5}, "Ours 1", train, strings.NewReader("\n"+path+"\n\n"), &out)
	if err == nil || err.Error() != "no more" {
		t.Errorf("error %v", err)
	}
	if !slices.Equal(asked, []int{5, 10, 10, 10}) {
		t.Errorf("trained for %v steps", asked)
	}
	var answers []answer
	for decoder := json.NewDecoder(&out); decoder.More(); {
		var a answer
		if err := decoder.Decode(&a); err != nil {
			t.Fatal(err)
		}
		answers = append(answers, a)
	}
	want := []answer{{Ready: 1, Version: "Ours 1"}, {Seconds: 2}, {Seconds: 2}}
	if diff := cmp.Diff(want, answers, cmpopts.IgnoreFields(answer{}, "Memory")); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
	if losses, err := readFloats(path); err != nil || !slices.Equal(losses, []float32{1, 2, 3, float32(math.Inf(1))}) {
		t.Errorf("losses %v, %v", losses, err)
	}
}

// TestOurs trains as the comparison does and looks at the time it takes for it.
func TestOurs(t *testing.T) {
	folder := t.TempDir()
	w := pairWork(20)
	d, err := data.MNIST()
	if err != nil {
		t.Fatal(err)
	}
	if err := handOver(folder, d, 2, w); err != nil {
		t.Fatal(err)
	}
	j, err := readJob(filepath.Join(folder, "pair"))
	if err != nil {
		t.Fatal(err)
	}
	on, err := backend.Open()
	if err != nil {
		t.Fatal(err)
	}
	for name, start := range inProcess {
		train, err := start(j, on, d)
		if err != nil {
			t.Fatal(err)
		}
		a, losses, err := train(20)
		if err != nil {
			t.Fatal(err)
		}
		if a.Seconds <= 0 || name == oursName && (a.Ready <= 0 || len(losses) != 2 || len(losses[1]) != 20) {
			t.Errorf("%s: %+v, %d losses", name, a, len(losses))
		}
	}
}

func TestTable(t *testing.T) {
	e := bnlib.Article(1)
	w := work{"pair", "a pair", e.Pair()}
	results := []result{
		{program: program{title: "ours"}, steps: 1000, seconds: []float64{1, 2, 4}, compile: .25, memory: 5e8, losses: [][]float32{{2, 1}}},
		{program: program{title: "JAX, one scan"}, version: "JAX 0.1", steps: 1000, seconds: []float64{2, 2, 6}, losses: [][]float32{{2, 1.001}}},
		{program: program{title: "GoMLX, Trainer"}, steps: 1000, seconds: []float64{4, 4, 4}, compile: 1},
		{program: program{title: "the ceiling"}, rates: map[string]float64{"MKL": 72.672, "OpenBLAS": 10}},
	}
	want := `| work | program | network-steps/s | ours is … times as fast | compiling | memory | losses differ by |
| --- | --- | ---: | ---: | ---: | ---: | ---: |
| a pair | ours | 500 |  | 0.25 s | 500 MB |  |
|  | JAX 0.1, one scan | 500 | 1.00 (1.00 to 2.00) | 0.00 s | – | 1e-03 |
|  | GoMLX, Trainer | 250 | 2.00 (1.00 to 4.00) | 1.00 s | – |  |
`
	if diff := cmp.Diff(want, table(w, results)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	want = "A step of a network is 36.3 MFLOP: in a pair, ours computes 18 GFLOP/s, 25% of the 73 that MKL reaches in one large product.\n"
	if got := ceiling(w, results[0], results[3].rates); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if got := ceiling(w, results[0], nil); got != "" {
		t.Errorf("without a ceiling: %s", got)
	}
	results[1].title = "4 networks"
	if got, want := sweepTable(results[:2]), "| 4 networks | 500 | 1.00 (1.00 to 2.00) | 0.00 s | – |\n"; !strings.HasSuffix(got, want) {
		t.Errorf("%s\nwant at its end %s", got, want)
	}
}

func TestDifference(t *testing.T) {
	nan := float32(math.NaN())
	a := result{losses: [][]float32{{1, 2}, {1, nan}}}
	b := result{losses: [][]float32{{1, 2}, {1.5, nan}}}
	if got := a.difference(b); math.Abs(got-1./3) > 1e-6 {
		t.Errorf("%v, want 1/3: what is not finite is left out, what comes before is not", got)
	}
	if got := a.difference(result{}); !math.IsNaN(got) {
		t.Errorf("%v from a program that does not tell", got)
	}
}

func TestSummarize(t *testing.T) {
	inf := float32(math.Inf(1))
	got := summarize([]float32{2, 4, 8, inf}, [][]float32{{2, 4.5, 7, 9}, {2.125, 3.75, inf, inf}})
	want := recorded{Float64: []float64{2, 4, 8}, Spread: []float64{.062, .12}, Ends: [2]int{2, 4}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestSweep: its networks differ, or Train would train fewer.
func TestSweep(t *testing.T) {
	for _, size := range sweepSizes {
		w := sweepWork(size, 1000)
		rates := map[float64]bool{}
		for _, n := range w.networks {
			rates[n.LearningRate] = true
			if err := n.Validate(0); err != nil {
				t.Error(err)
			}
		}
		if len(w.networks) != size || len(rates) != size/2 || w.steps() != 1000*size {
			t.Errorf("%d networks, %d rates, %d steps in a sweep of %d", len(w.networks), len(rates), w.steps(), size)
		}
	}
}

func TestParse(t *testing.T) {
	for _, test := range []struct {
		args string
		want string // part of the error; empty: none
	}{
		{"", ""},
		{"-steps 1500 -turns 7 -peers jax-scan,torch -study", ""},
		{"-steps 200", ""},
		{"-peers none", ""},
		{"-steps 700", "-steps is 700; allowed: 1 to 500, or a multiple of 500"},
		{"-turns 0", "-turns is 0; allowed: 1 or more"},
		{"-peers jax", `-peers has "jax"; allowed: all, none, or some of jax-step,`},
		{"pair", `nothing to do with "pair"`},
	} {
		_, err := parse(strings.Fields(test.args))
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", test.args, err, test.want)
		}
	}
}

// TestScripts: every program that a peer starts is among the embedded ones.
func TestScripts(t *testing.T) {
	folder := t.TempDir()
	if err := writeScripts(folder); err != nil {
		t.Fatal(err)
	}
	for _, p := range peers {
		at := place{self: "self", python: "python", scripts: folder, jobs: "jobs"}
		cmd := p.command(t.Context(), at, pairWork(500))
		if slices.Contains(cmd.Args, folderWord) {
			t.Errorf("%s: %q", p.name, cmd.Args)
		}
		for _, arg := range cmd.Args {
			if strings.HasSuffix(arg, ".py") {
				if _, err := os.Stat(filepath.Join(folder, arg)); err != nil {
					t.Errorf("%s: %v", p.name, err)
				}
			}
		}
	}
}
