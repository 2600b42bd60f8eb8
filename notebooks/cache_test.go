package main

import (
	"strings"
	"testing"
)

// What a build cache that nobody writes to has is found through links to it, and what is new lies beside them.
func TestLinkAll(t *testing.T) {
	whole, folder, pkg := t.TempDir(), t.TempDir(), t.TempDir()
	write(t, pkg, map[string]string{"go.mod": "module pkg\n", "pkg.go": "package pkg\n"})
	// build returns the packages that the go command had to compile.
	build := func(cache string) string {
		t.Helper()
		cmd := (&workbook{root: pkg}).golang(t.Context(), "build", "-v", ".")
		cmd.Env = append(cmd.Env, "GOCACHE="+cache)
		said, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, said)
		}
		return strings.TrimSpace(string(said))
	}
	if said := build(whole); said != "pkg" {
		t.Fatalf("with an empty cache compiled %q", said)
	}
	before := listing(t, whole)
	for range 2 { // a second start finds the links
		if err := linkAll(whole, folder); err != nil {
			t.Fatal(err)
		}
	}
	if said := build(folder); said != "" {
		t.Errorf("compiled again: %q", said)
	}
	write(t, pkg, map[string]string{"pkg.go": "package pkg\n\nvar X int\n"})
	if said := build(folder); said != "pkg" {
		t.Errorf("after a change compiled %q", said)
	}
	if said := build(folder); said != "" {
		t.Errorf("what was new is not kept: compiled %q", said)
	}
	after := listing(t, whole)
	for name, text := range before {
		// The go command notes some answers again, with the time, where it is let.
		if strings.HasSuffix(name, "-d") && after[name] != text {
			t.Errorf("%s was changed", name)
		}
	}
	if len(after) != len(before) {
		t.Errorf("%d files in the cache that is not written, %d before", len(after), len(before))
	}
}
