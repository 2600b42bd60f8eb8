//go:build cgo && linux && (amd64 || arm64)

package backend

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"batchnorm/bnlib/host"
	"batchnorm/bnlib/internal/store"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// TestPrograms compiles a program, and loads it for other clients: the same bits. What is not a program is compiled anew.
func TestPrograms(t *testing.T) {
	config, p := programsInto(t)
	numbers := make([]float32, 100*100)
	for i := range numbers {
		numbers[i] = float32(i%13)/13 - 0.4
	}
	ask := func(what string, threads, compiled, loaded int) []float32 {
		t.Helper()
		client, err := connectXLA(config, 1, threads)
		if err != nil {
			t.Fatal(err)
		}
		defer client.Finalize()
		hadCompiled, hadLoaded := p.compiled.Load(), p.loaded.Load()
		got, err := run(client, numbers)
		if err != nil {
			t.Fatal(err)
		}
		if c, l := p.compiled.Load()-hadCompiled, p.loaded.Load()-hadLoaded; int(c) != compiled || int(l) != loaded {
			t.Errorf("%s: %d programs compiled and %d loaded, want %d and %d", what, c, l, compiled, loaded)
		}
		return got
	}
	first := ask("nothing is there", 1, 1, 0)
	if again := ask("it is there", 1, 0, 1); !slices.Equal(first, again) {
		t.Errorf("loaded, it computes %v…; compiled, %v…", again[:3], first[:3])
	}
	ask("another number of threads", 2, 1, 0)

	keys, err := p.store.Keys()
	if err != nil || len(keys) != 2 {
		t.Fatalf("keys %v, %v; want two", keys, err)
	}
	for _, key := range keys {
		if err := os.Truncate(filepath.Join(p.store.Dir, key+".safetensors"), 1000); err != nil {
			t.Fatal(err)
		}
	}
	if again := ask("files cut off", 1, 1, 0); !slices.Equal(first, again) {
		t.Error("compiled anew, it computes something else")
	}
	for _, key := range keys {
		junk := []uint8("no program")
		if err := p.store.Put(key, []byte("{}"), []store.Array{{Name: code, Dims: []int{len(junk)}, Data: junk}}); err != nil {
			t.Fatal(err)
		}
	}
	ask("not a program", 1, 1, 0)

	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	p.store = &store.Store{Dir: filepath.Join(file, "programs")}
	ask("a folder that cannot be", 1, 1, 0)
}

// TestProgramsOfDevices loads a program for several devices in another client: it is one for as many devices still. Another number
// of devices is another program.
func TestProgramsOfDevices(t *testing.T) {
	config, p := programsInto(t)
	for _, ask := range []struct {
		what                      string
		devices, compiled, loaded int
	}{{"nothing is there", 3, 1, 0}, {"it is there", 3, 0, 1}, {"other devices", 2, 1, 0}, {"both are there", 3, 0, 1}} {
		client, err := connectXLA(config, ask.devices, ask.devices)
		if err != nil {
			t.Fatal(err)
		}
		defer client.Finalize()
		compiled, loaded := p.compiled.Load(), p.loaded.Load()
		want := slices.Repeat([]float32{float32(ask.devices*(ask.devices+1)) / 2}, ask.devices)
		if got := total(t, client, ask.devices); !slices.Equal(got, want) {
			t.Errorf("%s: on %d devices the sum is %v, want %v", ask.what, ask.devices, got, want)
		}
		if c, l := p.compiled.Load()-compiled, p.loaded.Load()-loaded; int(c) != ask.compiled || int(l) != ask.loaded {
			t.Errorf("%s: %d programs compiled and %d loaded, want %d and %d", ask.what, c, l, ask.compiled, ask.loaded)
		}
	}
}

// programsInto makes the process keep programs in a folder of the test's own, and returns how a client is opened.
func programsInto(t *testing.T) (config string, p *programs) {
	t.Helper()
	b, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	config, ok := onProcessor(b)
	if p = kept.Load(); !ok || p == nil {
		t.Skipf("%s keeps no programs", Name(b))
	}
	old := p.store
	p.store = &store.Store{Dir: t.TempDir()}
	t.Cleanup(func() { p.store = old })
	return config, p
}

func run(b compute.Backend, numbers []float32) ([]float32, error) {
	got, err := graph.CallOnce(b, sums, tensors.FromFlatDataAndDimensions(numbers, 100, 100))
	if err != nil {
		return nil, err
	}
	return tensors.MustCopyFlatData[float32](got), nil
}

func TestCompilerSettings(t *testing.T) {
	got := compilerSettings([]string{"HOME=/x", "XLA_FLAGS=a b", "ONEDNN_MAX_CPU_ISA=AVX2", "NOT_XLA_=1", "PATH=XLA_"})
	if want := "ONEDNN_MAX_CPU_ISA=AVX2|XLA_FLAGS=a b"; strings.Join(got, "|") != want {
		t.Errorf("settings %q, want %s", got, want)
	}
}

func TestProgramsDir(t *testing.T) {
	home := t.TempDir()
	t.Setenv(host.DirEnv, home)
	for set, want := range map[string]string{"": filepath.Join(home, "programs"), "elsewhere": "elsewhere", "off": "off"} {
		t.Setenv(host.ProgramsEnv, set)
		if got, err := programsDir(); err != nil || got != want {
			t.Errorf("%s=%q: the folder is %q, %v; want %q", host.ProgramsEnv, set, got, err, want)
		}
	}
}
