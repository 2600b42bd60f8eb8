//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestTemp kills a program with its folder: the folder goes when the next one is made, others stay.
func TestTemp(t *testing.T) {
	base := filepath.Join(t.TempDir(), "with [brackets]")
	foreign := filepath.Join(base, "lab-of-another")
	if err := os.MkdirAll(foreign, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", base)
	made := func() *temp {
		t.Helper()
		made, err := newTemp()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(made.dir, "program"), []byte("large"), 0o644); err != nil {
			t.Fatal(err)
		}
		return made
	}
	there := func(when string, of *temp, want bool) {
		t.Helper()
		if _, err := os.Stat(filepath.Join(of.dir, "program")); (err == nil) != want {
			t.Errorf("%s: %v, want it there: %v", when, err, want)
		}
	}
	orphan := made()
	program := exec.CommandContext(t.Context(), "sleep", "1000")
	program.ExtraFiles = orphan.inherited()
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	orphan.lock.Close() // as if the process that made it were killed
	second := made()
	there("the program goes on", orphan, true)
	if err := program.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	program.Wait()
	third := made()
	there("the program was killed, too", orphan, false)
	there("beside", second, true)
	second.remove()
	there("removed", second, false)
	third.remove()
	if left, err := os.ReadDir(base); err != nil || len(left) != 1 || left[0].Name() != filepath.Base(foreign) {
		t.Errorf("left are %v, %v", left, err)
	}
}

func TestSweepRuntime(t *testing.T) {
	w, _ := scratch(t)
	dir := w.jupyter("runtime")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, age := range map[string]time.Duration{"kernel-a.json": 2 * runtimeAge, "kernel-b.json": time.Hour, "jpserver-1-open.html": 2 * runtimeAge,
		"jupyter_cookie_secret": 2 * runtimeAge} {
		path, then := filepath.Join(dir, name), time.Now().Add(-age)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, then, then); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.sweepRuntime(); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 || left[0].Name() != "jupyter_cookie_secret" || left[1].Name() != "kernel-b.json" {
		t.Errorf("left are %v, %v", left, err)
	}
}
