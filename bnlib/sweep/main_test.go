package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"batchnorm/bnlib"
	"batchnorm/bnlib/chart"
)

// TestMain lets the tests start this binary as the command.
func TestMain(m *testing.M) {
	if os.Getenv("SWEEP_COMMAND") != "" {
		main()
	}
	os.Exit(m.Run())
}

// small is a sweep of twelve networks that takes seconds.
func small(t *testing.T) sweep {
	s := sweep{"small", "for tests", func() bnlib.Grid {
		base := bnlib.Article(1)
		base.Hidden, base.Steps, base.Every = []int{16}, 40, 20
		return bnlib.Grid{Base: base, Axes: []bnlib.Axis{bnlib.Std(0.05, 0.5, 5), bnlib.Rate(0.1, 1)}}
	}, chart.GridMap}
	old := sweeps
	sweeps = append(sweeps[:len(sweeps):len(sweeps)], s)
	t.Cleanup(func() { sweeps = old })
	return s
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
	small(t)
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
	if out := command(t, done, "small", "-store", shared, "-shard", "1/3"); !strings.Contains(out, "4 of its 4 networks are stored") {
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
	load := func(dir string) map[string]*bnlib.Run {
		runs := map[string]*bnlib.Run{}
		for name := range files(t, dir) {
			key, _, _ := strings.Cut(name, ".")
			run, err := (&bnlib.Store{Dir: dir}).Load(key)
			if err != nil {
				t.Fatal(err)
			}
			runs[key] = run
		}
		return runs
	}
	one, other := load(shared), load(whole)
	if len(one) != 12 || len(other) != 12 {
		t.Fatalf("%d and %d networks, want 12", len(one), len(other))
	}
	for key, a := range one {
		b := other[key]
		if b == nil || fmt.Sprint(a.Losses, a.Points, a.Test, a.Weights) != fmt.Sprint(b.Losses, b.Points, b.Test, b.Weights) {
			t.Errorf("%s, %s, differs from what one process trains", a.Network.Name, a.Network.Norm.Name)
		}
	}
}

// TestExitCodes asks for what cannot be had.
func TestExitCodes(t *testing.T) {
	small(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"nonesuch"}, `no sweep "nonesuch"; allowed: eight, phase, small`},
		{[]string{"small", "-shard", "3/3"}, `-shard is "3/3"`},
		{[]string{"small", "extra"}, `"extra": nothing can stand there`},
		{[]string{"small", "-what"}, "-what"},
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
		{nil, nil, done},
	} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], c.args...)
		cmd.Env = append(os.Environ(), append(c.env, "SWEEP_COMMAND=1")...)
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != c.want {
			t.Errorf("%v %v: exit code %d, want %d (%v)\n%s", c.env, c.args, cmd.ProcessState.ExitCode(), c.want, err, out)
		}
	}
}
