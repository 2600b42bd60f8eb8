package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// scratch is a workbook of which only the folder for what set-up leaves behind exists.
func scratch(t *testing.T) (*workbook, *bytes.Buffer) {
	out := new(bytes.Buffer)
	dir := t.TempDir()
	return &workbook{root: dir, home: dir, out: out}, out
}

// fake is a step that comes after another and notes when it is done.
func fake(name, after, key string, done *[]string, err error) step {
	return step{
		name: name, title: name, after: []string{after},
		key: func(context.Context) string { return key },
		do: func(context.Context, *report) error {
			*done = append(*done, name)
			return err
		},
	}
}

func TestCarryOut(t *testing.T) {
	w, out := scratch(t)
	product := filepath.Join(w.home, "product")
	try := func(wantErr string, want []string, steps func(done *[]string) []step) {
		t.Helper()
		var done []string
		err := w.carryOut(t.Context(), steps(&done))
		if (err == nil) != (wantErr == "") || err != nil && !strings.Contains(err.Error(), wantErr) {
			t.Fatalf("error %v, want %q", err, wantErr)
		}
		if !slices.Equal(done, want) {
			t.Fatalf("did %q, want %q", done, want)
		}
	}
	// The second step fails: the first is not done again, the third not begun.
	try("no space", []string{"a", "b"}, func(done *[]string) []step {
		return []step{fake("a", "", "1", done, nil), fake("b", "a", "1", done, errors.New("no space")), fake("c", "b", "1", done, nil)}
	})
	whole := func(key string) func(done *[]string) []step {
		return func(done *[]string) []step {
			b := fake("b", "a", key, done, nil)
			b.makes = []string{product}
			do := b.do
			b.do = func(ctx context.Context, r *report) error {
				if err := os.WriteFile(product, nil, 0o644); err != nil {
					return err
				}
				return do(ctx, r)
			}
			return []step{fake("a", "", "1", done, nil), b, fake("c", "b", "1", done, nil)}
		}
	}
	try("", []string{"b", "c"}, whole("1"))
	out.Reset()
	try("", nil, whole("1"))
	if out.Len() > 0 {
		t.Errorf("a start with nothing to do says %q", out)
	}
	try("", []string{"b"}, whole("2")) // made from something else
	if err := os.Remove(product); err != nil {
		t.Fatal(err)
	}
	try("", []string{"b"}, whole("2")) // gone
	if err := os.WriteFile(w.stampFile(), []byte(`{"a": `), 0o644); err != nil {
		t.Fatal(err)
	}
	try("", []string{"a", "b", "c"}, whole("2")) // nothing is known
	// Done once, then interrupted while it was done anew: its product is there and what it is made from is the same.
	if err := os.Remove(product); err != nil {
		t.Fatal(err)
	}
	try("interrupted", []string{"b"}, func(done *[]string) []step {
		steps := whole("2")(done)
		do := steps[1].do
		steps[1].do = func(ctx context.Context, r *report) error {
			return errors.Join(do(ctx, r), errors.New("interrupted"))
		}
		return steps
	})
	try("", []string{"b"}, whole("2"))
	// A step that can wait is told, not noted, and stops nothing.
	out.Reset()
	later := func(done *[]string) []step {
		return []step{fake("d", "", "1", done, &postponed{errors.New("does not compile")}), fake("e", "d", "1", done, nil)}
	}
	try("", []string{"d", "e"}, later)
	try("", []string{"d"}, later)
	if !strings.Contains(out.String(), "does not compile") {
		t.Errorf("said %q", out)
	}
}

// Where set-up cannot write, what is there is used, and what is missing is named.
func TestMakeDo(t *testing.T) {
	w, out := scratch(t)
	write(t, w.root, map[string]string{"file": "", "product": ""})
	w.home = filepath.Join(w.root, "file", "below")
	var done []string
	s := fake("kernel", "", "1", &done, nil)
	s.makes = []string{filepath.Join(w.root, "product")}
	if err := w.carryOut(t.Context(), []step{s}); err != nil || !strings.Contains(out.String(), "kernel") || !strings.Contains(out.String(), w.home) {
		t.Errorf("%v, said %q", err, out)
	}
	s.makes = append(s.makes, filepath.Join(w.root, "missing"))
	if err := w.carryOut(t.Context(), []step{s}); err == nil || !strings.Contains(err.Error(), "missing") || !strings.Contains(err.Error(), w.home) {
		t.Errorf("without a product: %v", err)
	}
	s.later = true // help while typing can be done without
	if err := w.carryOut(t.Context(), []step{s}); err != nil {
		t.Error(err)
	}
	if len(done) > 0 {
		t.Errorf("did %q", done)
	}
}

// Steps that do not wait for one another are done at the same time, and the failure of one ends the others.
func TestCarryOutTogether(t *testing.T) {
	w, _ := scratch(t)
	var done []string
	a, b := fake("a", "", "1", &done, nil), fake("b", "", "1", &done, nil)
	begun := make(chan struct{})
	a.do = func(ctx context.Context, r *report) error {
		close(begun)
		<-ctx.Done() // all that ends it is the failure of b
		return ctx.Err()
	}
	b.do = func(context.Context, *report) error {
		<-begun
		return errors.New("no space")
	}
	err := w.carryOut(t.Context(), []step{a, b, fake("c", "a", "1", &done, nil)})
	if err == nil || !strings.Contains(err.Error(), "b: no space") {
		t.Errorf("error %v, want that of b", err)
	}
	if len(done) > 0 {
		t.Errorf("did %q after the failure", done)
	}
}

// A clone that moved, another Go, another requirement: each makes its steps stale, and only those.
func TestKeys(t *testing.T) {
	real := testWorkbook(t)
	keys := func(w *workbook) map[string]string {
		steps, err := w.steps(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		keys := map[string]string{}
		for _, s := range steps {
			keys[s.name] = s.key(t.Context())
		}
		return keys
	}
	root := filepath.Join(t.TempDir(), "clone")
	for _, name := range []string{"go.mod", "go.sum", "notebooks/requirements.txt", "notebooks/jupyter/custom/custom.css"} {
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
	w := &workbook{root: root, home: real.home}
	before := keys(w)
	moved := keys(&workbook{root: real.root, home: real.home})
	for _, name := range []string{"tools", "kernel", "build"} {
		if before[name] == "" || before[name] == moved[name] {
			t.Errorf("%s: key %q in one clone, %q in another", name, before[name], moved[name])
		}
	}
	f, err := os.OpenFile(filepath.Join(root, "go.sum"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("example.com/new v1.0.0 h1:x\n"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if after := keys(w); after["tools"] == before["tools"] || after["packages"] != before["packages"] {
		t.Errorf("a new Go module: %v, before %v", after, before)
	}
	comma := &workbook{root: "/a,b", home: real.home}
	if _, err := comma.steps(t.Context()); err == nil || !strings.Contains(err.Error(), "comma") {
		t.Errorf("a comma in the path: %v", err)
	}
}

// Of two set-ups at the same time, one waits.
func TestLock(t *testing.T) {
	w, out := scratch(t)
	unlock, err := w.lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := w.lock(ctx); err == nil {
		t.Fatal("two set-ups hold the lock")
	}
	if !strings.Contains(out.String(), "waiting") {
		t.Errorf("said %q", out)
	}
	got := make(chan error)
	go func() {
		unlock, err := w.lock(t.Context())
		if err == nil {
			unlock()
		}
		got <- err
	}()
	unlock()
	if err := <-got; err != nil {
		t.Fatal(err)
	}
}

func TestFreeSpace(t *testing.T) {
	dir := t.TempDir()
	if free, ok := freeSpace(dir); !ok || free == 0 {
		t.Errorf("%s: %d bytes, %v", dir, free, ok)
	}
	if _, ok := freeSpace(filepath.Join(dir, "missing")); ok {
		t.Error("a folder that is not there has space")
	}
}

func TestStopgap(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("where XLA cannot be had nothing else is a stopgap")
	}
	for _, c := range []struct {
		chosen, said string
		want         bool
	}{
		{"", "xla:cpu, PJRT 0.106", false},
		{"", "installing XLA\nxla:cpu, PJRT 0.106", false},
		{"", "XLA cannot be had: no space left on device\nGo backend", true},
		{"go", "Go backend", false},
	} {
		t.Setenv("GOMLX_BACKEND", c.chosen)
		if got := stopgap(c.said); got != c.want {
			t.Errorf("GOMLX_BACKEND=%q, %q: %v, want %v", c.chosen, c.said, got, c.want)
		}
	}
}
