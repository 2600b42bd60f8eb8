package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// allPages, if set, makes TestNotebooks run every page. Without it, it runs some that together use all of the kernel, for
// more take longer than a test may; TestCells compiles the cells of all.
const allPages = "BATCHNORM_ALL_PAGES"

// Notebooks run from top to bottom through the real kernel, with short trainings.
func TestNotebooks(t *testing.T) {
	w := ready(t)
	var names []string
	if os.Getenv(allPages) == "" {
		names = []string{"00_start_here", "11_experiment_1"}
	}
	names, err := w.resolve(names)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of a cell's time is the linker's, which fills one core
			result := filepath.Join(t.TempDir(), name+".ipynb")
			slowest := time.Duration(0)
			err := w.execute(t.Context(), w.notebook(name), result, true, func(cell, cells int, took time.Duration) {
				slowest = max(slowest, took)
			})
			if err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(result)
			if err != nil {
				t.Fatal(err)
			}
			for _, fault := range faults(data, places(t, w)) {
				t.Error(fault)
			}
			t.Logf("the slowest cell took %v", slowest)
		})
	}
}

func ignore(cell, cells int, took time.Duration) {}

const firstCell = "%noautoget\nimport (\n\t\"fmt\"\n\t\"os\"\n\t\"batchnorm/bnlib/host\"\n)\n\n%%\n"

func TestExecute(t *testing.T) {
	w := ready(t)
	path := filepath.Join(t.TempDir(), "scratch.ipynb")
	writeBook(t, path, "# Scratch", firstCell+`wd, _ := os.Getwd()
root, err := host.Root()
fmt.Println("in", wd, "of", root, err, os.Getenv("BATCHNORM_QUICK"))
fmt.Println("\x1b[31mred\x1b[0m", os.Getenv("GONB_TMP_DIR"), os.Args[0])`)
	cells := 0
	count := func(cell, of int, took time.Duration) {
		cells++
		if cell != 2 || of != 2 {
			t.Errorf("reported cell %d of %d, want 2 of 2", cell, of)
		}
	}
	if err := w.execute(t.Context(), path, path, false, count); err != nil {
		t.Fatal(err)
	}
	if cells != 1 {
		t.Errorf("%d cells reported, want 1", cells)
	}
	first, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range faults(first, places(t, w)) {
		t.Error(fault)
	}
	// Cells run in the notebooks' folder, see the module, and leave no trace of the machine.
	if want := `in notebooks of . \u003cnil\u003e \n`; !bytes.Contains(first, []byte(strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(want))) {
		t.Errorf("no %q in\n%s", want, first)
	}
	if err := w.execute(t.Context(), path, path, false, ignore); err != nil {
		t.Fatal(err)
	}
	again, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, again) {
		t.Errorf("a second run changed the notebook:\n%s\n%s", first, again)
	}
	if err := w.execute(t.Context(), path, path, true, ignore); err != nil {
		t.Fatal(err)
	}
	if quick, _ := os.ReadFile(path); !bytes.Contains(quick, []byte(`<nil> 1\n`)) {
		t.Error("BATCHNORM_QUICK does not reach the cells of a quick run")
	}
}

func TestFailingCell(t *testing.T) {
	w := ready(t)
	for _, test := range []struct {
		name, cell, first, text string
	}{
		{"compile", "import \"fmt\"\n\n%%\nx := undefinedThing()\nfmt.Println(x)", "x := undefinedThing()", "undefined: undefinedThing"},
		{"panic", "%%\npanic(\"too \\x1b[1mbold\")", `panic("too \x1b[1mbold")`, "panic: too bold"},
		{"refused", "import (\n\t\"batchnorm/bnlib\"\n\t\"batchnorm/bnlib/show\"\n\t\"github.com/janpfeifer/must\"\n)\n\n%%\n" +
			"e := bnlib.Article(1)\ne.Batch = 0\nmust.M1(show.Compare(e))", `"batchnorm/bnlib"`, "Experiment.Batch is 0; allowed: 1 to 55000"},
		{"killed", "%%\np, _ := os.FindProcess(os.Getpid())\np.Kill()\nselect {}", "p, _ := os.FindProcess(os.Getpid())", "may have run out of memory"},
		{"kernel", "%%\np, _ := os.FindProcess(os.Getppid())\np.Kill()\nselect {}", "p, _ := os.FindProcess(os.Getppid())", "the kernel died"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "scratch.ipynb")
			writeBook(t, path, firstCell+"fmt.Println(host.DirEnv, os.Args[0])", "# Prose", test.cell, "%%\nfmt.Println(1)")
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			err = w.execute(t.Context(), path, path, true, ignore)
			failed, ok := errors.AsType[*cellError](err)
			if !ok {
				t.Fatalf("error %v, want that of a cell", err)
			}
			if failed.Cell != 3 || failed.Cells != 4 || failed.First != test.first || !strings.Contains(failed.Text, test.text) {
				t.Errorf("got %+v", failed)
			}
			for _, part := range []string{"scratch", "cell 3 of 4", test.first, test.text} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("no %q in: %v", part, err)
				}
			}
			if test.name == "refused" && strings.Contains(failed.Text, "goroutine") {
				t.Errorf("the reason is buried in a stack trace:\n%s", failed.Text)
			}
			if strings.Contains(err.Error(), "\x1b") {
				t.Errorf("escape codes in: %v", err)
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("the notebook was overwritten with half a result")
			}
		})
	}
}

// A clone in a folder with spaces and other trouble in its name has a kernel that finds the module.
func TestOddFolder(t *testing.T) {
	real := ready(t)
	root := filepath.Join(t.TempDir(), "it's a $HOME [clone]")
	w := &workbook{root: root, home: filepath.Join(root, ".batchnorm"), out: real.out}
	copyFile := func(name string) {
		data, err := os.ReadFile(filepath.Join(real.root, name))
		if err == nil {
			err = os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(root, name), data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	copyFile("bnlib/host/home.go")
	copyFile("notebooks/execute.py")
	copyFile("notebooks/jupyter/gonb_messages.py")
	if err := os.WriteFile(filepath.Join(root, "go.mod"), []byte("module batchnorm\n\ngo 1.26\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(w.home, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, link := range []string{"venv", "bin", "lsp"} {
		if err := os.Symlink(filepath.Join(real.home, link), filepath.Join(w.home, link)); err != nil {
			t.Fatal(err)
		}
	}
	goroot, err := goroot(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if err := w.registerKernel(t.Context(), &report{log: log}, goroot); err != nil {
		t.Fatal(err)
	}
	writeBook(t, w.notebook("a"), firstCell+"root, err := host.Root()\nfmt.Println(root == os.Getenv(\"WANT\"), err)")
	t.Setenv("WANT", root)
	if err := w.execute(t.Context(), w.notebook("a"), w.notebook("a"), true, ignore); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(w.notebook("a"))
	if err != nil || !bytes.Contains(data, []byte("true <nil>")) {
		t.Errorf("%v\n%s", err, data)
	}
	if names, err := w.notebooks(); err != nil || len(names) != 1 || names[0] != "a" {
		t.Errorf("notebooks %q, %v", names, err)
	}
}

func TestFollow(t *testing.T) {
	var cells []int
	done, failed := follow(strings.NewReader(`{"cell": 2, "cells": 3, "seconds": 1.5}
a warning of some library
{"failed": {"cell": 3, "cells": 3, "first": "x", "text": "y"}}
`), func(cell, of int, took time.Duration) {
		cells = append(cells, cell)
		if took != 1500*time.Millisecond {
			t.Errorf("took %v", took)
		}
	})
	if done || failed == nil || failed.Cell != 3 || len(cells) != 1 {
		t.Errorf("done %v, failed %+v, cells %v", done, failed, cells)
	}
}
