package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"batchnorm/bnlib"
	"batchnorm/bnlib/backend"
	"batchnorm/bnlib/chart"
)

// commandEnv makes this binary the command, with the sweeps of the tests.
const commandEnv = "SWEEP_COMMAND"

func TestMain(m *testing.M) {
	sweeps = append(sweeps,
		sweep{"small", "for tests, twelve networks that take seconds", func() bnlib.Grid {
			base := bnlib.Article(1)
			base.Hidden, base.Steps, base.Every = []int{16}, 40, 20
			return bnlib.Grid{Base: base, Axes: []bnlib.Axis{bnlib.Std(0.05, 0.5, 5), bnlib.Rate(0.1, 1)}}
		}, chart.GridMap},
		sweep{"wide", "for tests, 48 networks of large files, in 8 shares of a few seconds", func() bnlib.Grid {
			base := bnlib.Article(1)
			base.Hidden, base.Steps, base.Every = []int{256}, 1000, 1000
			return bnlib.Grid{Base: base, Axes: []bnlib.Axis{bnlib.Rate(bnlib.LogSpaced(0.003, 3, 24)...)}}
		}, chart.GridMap},
		sweep{"wrong", "for tests, a mistake in the grid", func() bnlib.Grid {
			return bnlib.Grid{Base: bnlib.Article(1), Axes: []bnlib.Axis{bnlib.Rate(0.1, -1)}}
		}, chart.GridMap},
	)
	if os.Getenv(commandEnv) != "" {
		main()
	}
	os.Exit(m.Run())
}

// process returns the command in a process of its own.
func process(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env = slices.Concat(os.Environ(), env, []string{commandEnv + "=1"})
	return cmd
}

func command(t *testing.T, want int, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	code, err := run(t.Context(), args, func(string) string { return "" }, &out)
	if code != want || (err == nil) != (code == done || code == lacking && !strings.Contains(strings.Join(args, " "), "-draw")) {
		t.Fatalf("%v: exit code %d, %v; want %d\n%s", args, code, err, want, out.String())
	}
	if err != nil {
		fmt.Fprintln(&out, err)
	}
	return out.String()
}

// files returns what a folder holds.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = string(text)
	}
	return all
}

// TestShares trains a sweep in three shares, into one store, and another one whole: the same networks, bit for bit.
func TestShares(t *testing.T) {
	shared, whole := t.TempDir(), t.TempDir()
	if out := command(t, lacking, "small", "-store", shared, "-missing"); !strings.Contains(out, "0 of 12 networks are stored") ||
		strings.Count(out, "missing: ") != 12 || !strings.Contains(out, "missing: std 0.05, rate 0.1, without batch norm, seed 1") {
		t.Errorf("of nothing, -missing says\n%s", out)
	}
	for i := range 2 {
		command(t, done, "small", "-store", shared, "-shard", fmt.Sprintf("%d/3", i))
	}
	if out := command(t, lacking, "small", "-store", shared, "-draw", filepath.Join(shared, "x.png")); !strings.Contains(out, "8 of 12 networks are stored") ||
		!strings.Contains(out, "is not drawn: 4 networks are missing") {
		t.Errorf("of two thirds, -draw says\n%s", out)
	}
	command(t, done, "small", "-store", shared, "-shard", "2/3")
	if out := command(t, done, "small", "-store", shared, "-shard", "1/3"); !strings.Contains(out, "its 4 networks are stored") || strings.Contains(out, "trains") {
		t.Errorf("the second time, a share says\n%s", out)
	}
	figure := filepath.Join(t.TempDir(), "map.png")
	if out := command(t, done, "small", "-store", shared, "-draw", figure); !strings.Contains(out, "12 of 12") || !strings.Contains(out, "trained on ") {
		t.Errorf("-draw says\n%s", out)
	}
	if png, err := os.ReadFile(figure); err != nil || !bytes.HasPrefix(png, []byte("\x89PNG")) {
		t.Errorf("the figure: %d bytes, %v", len(png), err)
	}
	command(t, done, "small", "-store", whole)
	sameRuns(t, shared, whole, 12)
}

// sameRuns compares the runs of two stores bit for bit.
func sameRuns(t *testing.T, got, want string, networks int) {
	t.Helper()
	load := func(dir string) map[string]*bnlib.Run {
		runs := map[string]*bnlib.Run{}
		for name := range files(t, dir) {
			key, suffix, _ := strings.Cut(name, ".")
			if suffix != "safetensors" {
				continue // what a writer that was killed left
			}
			run, err := (&bnlib.Store{Dir: dir}).Load(key)
			if err != nil {
				t.Fatal(err)
			}
			runs[key] = run
		}
		return runs
	}
	one, other := load(got), load(want)
	if len(one) != networks || len(other) != networks {
		t.Fatalf("%d and %d networks, want %d", len(one), len(other), networks)
	}
	bits := func(values []float32) string {
		return string(fmt.Appendf(nil, "%x", values)) // hexadecimal floats are exact
	}
	for key, a := range one {
		b := other[key]
		if b == nil {
			t.Errorf("%s, %s, is not what one process trains", a.Network.Name, a.Network.Norm.Name)
			continue
		}
		same := bits(a.Losses) == bits(b.Losses) && slices.Equal(a.Points, b.Points) && a.Test == b.Test && a.Answers == b.Answers &&
			slices.EqualFunc(a.Weights, b.Weights, func(v, w bnlib.Weight) bool { return v.Name == w.Name && bits(v.Values) == bits(w.Values) })
		if !same || len(a.Losses) == 0 || len(a.Weights) == 0 {
			t.Errorf("%s, %s, differs from what one process trains", a.Network.Name, a.Network.Norm.Name)
		}
	}
}

// TestKinds trains one half with older instructions, as on a machine of another kind: it is said, and not trained again.
func TestKinds(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("XLA cannot be limited to older instructions here")
	}
	store := t.TempDir()
	if out, err := process(t, []string{"XLA_FLAGS=--xla_cpu_max_isa=SSE4_2"}, "small", "-store", store, "-shard", "0/2").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out := command(t, done, "small", "-store", store, "-shard", "0/2"); strings.Contains(out, "trains") {
		t.Errorf("what another kind of machine has trained is trained again:\n%s", out)
	}
	command(t, done, "small", "-store", store, "-shard", "1/2")
	out := command(t, done, "small", "-store", store, "-missing")
	if !strings.Contains(out, "12 of 12") || strings.Count(out, "trained on ") != 2 || strings.Count(out, ": 6 networks") != 2 || !strings.Contains(out, "2 kinds of machines") {
		t.Errorf("of two kinds of machines, -missing says\n%s", out)
	}
}

// TestExitCodes asks for what cannot be had.
func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"nonesuch"}, `no sweep "nonesuch"; allowed: try, eight, phase, small, wide, wrong`},
		{[]string{"small", "-shard", "3/3"}, `-shard is "3/3"`},
		{[]string{"small", "extra"}, `"extra": nothing can stand there`},
		{[]string{"small", "-what"}, "-what"},
		{[]string{"small", "-shard", "0/3", "-missing"}, "beside -missing"},
		{[]string{"wrong", "-store", t.TempDir()}, "LearningRate is -1"},
		{[]string{"wrong", "-store", t.TempDir(), "-missing"}, "LearningRate is -1"},
	} {
		if out := command(t, never, c.args...); !strings.Contains(out, c.want) {
			t.Errorf("%v: %s, want %q", c.args, out, c.want)
		}
	}
	if out := command(t, done); !strings.Contains(out, "eight") || !strings.Contains(out, "12 networks: for tests") {
		t.Errorf("the list of sweeps is\n%s", out)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	if code, err := run(ctx, []string{"small", "-store", t.TempDir()}, os.Getenv, &out); code != again || err == nil {
		t.Errorf("cancelled: exit code %d, %v; want %d", code, err, again)
	}
	file := filepath.Join(t.TempDir(), "file") // where the store's folder should be
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, err := run(t.Context(), []string{"small", "-store", filepath.Join(file, "store")}, os.Getenv, &out); code != again || err == nil {
		t.Errorf("a store that cannot be written: exit code %d, %v; want %d", code, err, again)
	}
}

// TestCommand starts the command as a scheduler does, by environment variables.
func TestCommand(t *testing.T) {
	for _, c := range []struct {
		env  []string
		args []string
		want int
	}{
		{[]string{slurmEnv + "=1"}, []string{"phase"}, never},
		{[]string{backend.Env + "=nonesuch"}, []string{"phase"}, again},
		{nil, nil, done},
	} {
		cmd := process(t, c.env, c.args...)
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != c.want {
			t.Errorf("%v %v: exit code %d, want %d (%v)\n%s", c.env, c.args, cmd.ProcessState.ExitCode(), c.want, err, out)
		}
	}
}
