package main

import (
	"os"
	"strings"
	"testing"
)

// TestNavigation checks that every page links to the one before, to the first and to the one after, at its head and at its foot.
func TestNavigation(t *testing.T) {
	books := committed(t, testWorkbook(t))
	for i, b := range books {
		var links []string
		if i > 0 {
			links = append(links, books[i-1].name, books[0].name)
		}
		if i+1 < len(books) {
			links = append(links, books[i+1].name)
		}
		for place, c := range map[string]cell{"head": b.Cells[0], "foot": b.Cells[len(b.Cells)-1]} {
			for _, link := range links {
				if !strings.Contains(string(c.Source), "]("+link+".ipynb)") {
					t.Errorf("%s: no link to %s at its %s", b.name, link, place)
				}
			}
		}
	}
}

// TestContents checks that the first page and the README lead to every page, the first page with its thumbnail.
func TestContents(t *testing.T) {
	w := testWorkbook(t)
	books := committed(t, w)
	first := books[0]
	readme, err := os.ReadFile(w.root + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range books {
		name := b.name
		if !strings.Contains(string(readme), "(notebooks/"+name+".ipynb)") {
			t.Errorf("README.md: no link to %s", name)
		}
		if name == first.name {
			continue
		}
		for _, link := range []string{name + ".ipynb", "thumbnails/" + name + ".png"} {
			if !strings.Contains(string(first.data), link) {
				t.Errorf("%s: no %s", first.name, link)
			}
		}
	}
}
