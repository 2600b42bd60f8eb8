package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// TestNavigation checks that every page links to the one before, to the first and to the one after, at its head and at its foot.
func TestNavigation(t *testing.T) {
	w := testWorkbook(t)
	names, err := w.resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		data, err := os.ReadFile(w.notebook(name))
		if err != nil {
			t.Fatal(err)
		}
		var b book
		if err := json.Unmarshal(data, &b); err != nil {
			t.Fatal(err)
		}
		var links []string
		if i > 0 {
			links = append(links, names[i-1], names[0])
		}
		if i+1 < len(names) {
			links = append(links, names[i+1])
		}
		for place, c := range map[string]cell{"head": b.Cells[0], "foot": b.Cells[len(b.Cells)-1]} {
			for _, link := range links {
				if !strings.Contains(string(c.Source), "]("+link+".ipynb)") {
					t.Errorf("%s: no link to %s at its %s", name, link, place)
				}
			}
		}
	}
}

// TestContents checks that the first page and the README lead to every page, the first page with its thumbnail.
func TestContents(t *testing.T) {
	w := testWorkbook(t)
	names, err := w.resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	first, err := os.ReadFile(w.notebook(names[0]))
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile(w.root + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !strings.Contains(string(readme), "(notebooks/"+name+".ipynb)") {
			t.Errorf("README.md: no link to %s", name)
		}
		if name == names[0] {
			continue
		}
		for _, link := range []string{name + ".ipynb", "thumbnails/" + name + ".png"} {
			if !strings.Contains(string(first), link) {
				t.Errorf("%s: no %s", names[0], link)
			}
		}
	}
}
