package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// TestDesk follows a reader's folder through changes on both sides.
func TestDesk(t *testing.T) {
	root := t.TempDir()
	var said bytes.Buffer
	w := &workbook{root: root, home: filepath.Join(root, ".batchnorm"), out: &said}
	desk := filepath.Join("notebooks", "mine")
	clone := func(files map[string]string) {
		t.Helper()
		write(t, filepath.Join(root, "notebooks"), files)
	}
	mine := func(files map[string]string) {
		t.Helper()
		write(t, filepath.Join(root, desk), files)
	}
	copied := func(want map[string]string) {
		t.Helper()
		said.Reset()
		if err := w.copyPages(); err != nil {
			t.Fatal(err)
		}
		all := listing(t, filepath.Join(root, desk))
		for name, text := range want {
			if all[name] != text {
				t.Errorf("%s is %q, want %q", name, all[name], text)
			}
		}
	}
	clone(map[string]string{"a.ipynb": "a1", "b.ipynb": "b1", "thumbnails/a.png": "picture", "main.go": "program"})
	copied(map[string]string{"a.ipynb": "a1", "b.ipynb": "b1", "thumbnails/a.png": "picture", "main.go": ""})

	mine(map[string]string{"a.ipynb": "my a", "own.ipynb": "own"})
	copied(map[string]string{"a.ipynb": "my a", "b.ipynb": "b1"})
	if said.Len() > 0 {
		t.Errorf("of a page that is only changed: %s", &said)
	}
	clone(map[string]string{"a.ipynb": "a2", "b.ipynb": "b2"})
	for range 2 { // it is said until the reader decides
		copied(map[string]string{"a.ipynb": "my a", "b.ipynb": "b2"})
		if !strings.Contains(said.String(), "You have changed a, ") || !strings.Contains(said.String(), "reset a\n") {
			t.Errorf("of a page that both have changed: %q", &said)
		}
	}

	said.Reset()
	if err := w.reset([]string{"a", "b"}); err != nil {
		t.Fatal(err)
	}
	copied(map[string]string{"a.ipynb": "a2", "a_mine.ipynb": "my a", "b.ipynb": "b2", "own.ipynb": "own"})
	mine(map[string]string{"a.ipynb": "my second a"})
	if err := w.reset([]string{"a"}); err != nil {
		t.Fatal(err)
	}
	copied(map[string]string{"a.ipynb": "a2", "a_mine.ipynb": "my a", "a_mine_2.ipynb": "my second a"})

	if names, err := w.notebooks(); err != nil || strings.Join(names, " ") != "a b" {
		t.Errorf("the pages are %q, %v; want the clone's alone", names, err)
	}
	mine(map[string]string{".copies.json": "[]"})
	copied(map[string]string{"a.ipynb": "a2", "own.ipynb": "own"})
}
