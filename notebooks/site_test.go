package main

import (
	"encoding/json"
	"fmt"
	"image/png"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// What a page of the site may hold at most, without its pictures: a phone loads it over a mobile network.
const maxPageBytes = 2_000_000

// bookName is the title of the whole.
const bookName = "Batch normalization by experiment"

// sitePage is a page of an exported site.
type sitePage struct {
	name string
	text string
	root *html.Node
}

// readPage reads a page of a site.
func readPage(t *testing.T, dir, name string) sitePage {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name+".html"))
	if err != nil {
		t.Fatal(err)
	}
	root, err := html.Parse(strings.NewReader(string(text)))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return sitePage{name, string(text), root}
}

// all returns the elements of the given names within a node, in order.
func allOf(n *html.Node, names ...string) (found []*html.Node) {
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && slices.Contains(names, d.Data) {
			found = append(found, d)
		}
	}
	return found
}

// withClass returns the first element within a node that has a class.
func withClass(n *html.Node, class string) *html.Node {
	for d := range n.Descendants() {
		if slices.Contains(strings.Fields(attr(d, "class")), class) {
			return d
		}
	}
	return nil
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// words is the text within a node.
func words(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// refers returns the links of a list, as pages of the site.
func refers(n *html.Node) (names []string) {
	if n == nil {
		return nil
	}
	for _, a := range allOf(n, "a") {
		if to, ok := strings.CutSuffix(attr(a, "href"), ".html"); ok {
			names = append(names, to)
		} else if attr(a, "href") == "#" {
			names = append(names, "") // the page itself
		}
	}
	return names
}

// TestExport writes the committed pages as a site and reads it.
func TestExport(t *testing.T) {
	w := ready(t)
	books := committed(t, w)
	dir := filepath.Join(t.TempDir(), "a site")
	var names []string
	for _, b := range books {
		names = append(names, b.name)
	}
	if err := w.export(t.Context(), names, dir, ""); err != nil {
		t.Fatal(err)
	}

	pages := []sitePage{readPage(t, dir, "index"), readPage(t, dir, "search")}
	for _, name := range names {
		pages = append(pages, readPage(t, dir, name))
	}
	for _, p := range pages {
		checkPage(t, dir, p)
	}
	part := filepath.Join(t.TempDir(), "part")
	if err := w.export(t.Context(), names[:1], part, ""); err != nil {
		t.Fatal(err)
	}
	checkPage(t, part, readPage(t, part, names[0]))
	if got := slices.Compact(refers(allOf(pages[0].root, "table")[0])); !slices.Equal(got, names) {
		t.Errorf("the index leads to %q, want %q", got, names)
	}
	for i, p := range pages[2:] {
		if got := refers(withClass(p.root, "sidebar-tree")); !slices.Equal(got, replaced(names, p.name, "")) {
			t.Errorf("%s: beside it stand %q, want all pages", p.name, got)
		}
		var around []string
		for _, j := range []int{i + 1, i - 1} {
			switch {
			case j == -1:
				around = append(around, "index")
			case j < len(names):
				around = append(around, names[j])
			}
		}
		if got := refers(withClass(p.root, "related-pages")); !slices.Equal(got, around) {
			t.Errorf("%s: next and previous are %q, want %q", p.name, got, around)
		}
		checkFigures(t, dir, p, books[i])
		heading := words(allOf(p.root, "h1")[0])
		if number, _, _ := strings.Cut(p.name, "_"); !strings.HasPrefix(heading, number+" · ") {
			t.Errorf("%s: its heading is %q, want it to begin with %q", p.name, heading, number)
		}
	}
}

// replaced is a list with one entry replaced.
func replaced(list []string, old, with string) []string {
	list = slices.Clone(list)
	list[slices.Index(list, old)] = with
	return list
}

// checkPage checks what is the same of every page: what it loads and where it leads, its titles, and how it can be listened to.
func checkPage(t *testing.T, dir string, p sitePage) {
	t.Helper()
	if len(p.text) > maxPageBytes {
		t.Errorf("%s: %d bytes, over %d", p.name, len(p.text), maxPageBytes)
	}
	if title := words(allOf(p.root, "title")[0]); !strings.Contains(title, bookName) {
		t.Errorf("%s: its title is %q, without %q", p.name, title, bookName)
	}
	if lang := attr(allOf(p.root, "html")[0], "lang"); lang != "en" {
		t.Errorf("%s: its language is %q", p.name, lang)
	}
	last, firsts := 0, 0
	for _, h := range allOf(p.root, "h1", "h2", "h3", "h4", "h5", "h6") {
		level := int(h.Data[1] - '0')
		if level == 1 {
			firsts++
		}
		if level > last+1 {
			t.Errorf("%s: %q is a heading of level %d below one of level %d", p.name, words(h), level, last)
		}
		last = level
	}
	if firsts != 1 && p.name != "search" { // which writes its own
		t.Errorf("%s: %d headings of the first level, want 1", p.name, firsts)
	}
	icon := false
	for n := range p.root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		icon = icon || n.Data == "link" && slices.Contains(strings.Fields(attr(n, "rel")), "icon")
		if n.Data == "img" && !slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "alt" }) {
			t.Errorf("%s: a picture without alt: %v", p.name, n.Attr)
		}
		for _, name := range []string{"src", "href", "srcset", "data", "action", "poster"} {
			if to := attr(n, name); to != "" {
				checkLink(t, dir, p, n, to)
			}
		}
	}
	if !icon {
		t.Errorf("%s: it has no icon", p.name)
	}
	for _, left := range []string{"$$", "&amp;nbsp;", "docutils literal notranslate\">$", "System Message"} {
		if strings.Contains(p.text, left) {
			t.Errorf("%s: %q is left in it", p.name, left)
		}
	}
}

// checkLink checks that what an element names is there. Only links that a reader follows may lead away from the site.
func checkLink(t *testing.T, dir string, p sitePage, n *html.Node, to string) {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Errorf("%s: %q: %v", p.name, to, err)
		return
	}
	if u.IsAbs() || u.Host != "" {
		if n.Data != "a" || u.Scheme != "https" {
			t.Errorf("%s: <%s> loads %s", p.name, n.Data, to)
		}
		return
	}
	if strings.HasPrefix(to, "/") {
		t.Errorf("%s: %s is found only at the root of a server", p.name, to)
		return
	}
	in := p
	if u.Path != "" {
		if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(u.Path))); err != nil {
			t.Errorf("%s: <%s> leads nowhere: %v", p.name, n.Data, err)
			return
		}
		if u.Fragment != "" {
			in = readPage(t, dir, strings.TrimSuffix(u.Path, ".html"))
		}
	}
	if u.Fragment == "" {
		return
	}
	for d := range in.root.Descendants() {
		if attr(d, "id") == u.Fragment {
			return
		}
	}
	t.Errorf("%s: %s leads to a place that is not there", p.name, to)
}

// checkFigures checks that a page has its notebook's figures: each as a picture that is described, and as what to draw instead.
func checkFigures(t *testing.T, dir string, p sitePage, b committedBook) {
	t.Helper()
	var specs []string
	for _, c := range b.Cells {
		for _, o := range c.Outputs {
			if spec := o.Data[vegaLite]; spec != nil {
				specs = append(specs, string(spec))
			}
		}
	}
	figures := allOf(p.root, "figure")
	if len(figures) != len(specs) {
		t.Fatalf("%s: %d figures, want %d", p.name, len(figures), len(specs))
	}
	for i, f := range figures {
		imgs, scripts := allOf(f, "img"), allOf(f, "script")
		if len(imgs) != 1 || len(scripts) != 1 {
			t.Errorf("%s: figure %d has %d pictures and %d descriptions", p.name, i+1, len(imgs), len(scripts))
			continue
		}
		if alt := attr(imgs[0], "alt"); len(alt) < 20 {
			t.Errorf("%s: figure %d says %q to who does not see it", p.name, i+1, alt)
		}
		if err := same(scripts[0].FirstChild.Data, specs[i]); err != nil {
			t.Errorf("%s: figure %d: %v", p.name, i+1, err)
		}
		file, err := os.Open(filepath.Join(dir, attr(imgs[0], "src")))
		if err != nil {
			t.Error(err)
			continue
		}
		if config, err := png.DecodeConfig(file); err != nil || fmt.Sprint(config.Width/2) != attr(imgs[0], "width") {
			t.Errorf("%s: figure %d is %d pixels wide and shown in %s, %v", p.name, i+1, config.Width, attr(imgs[0], "width"), err)
		}
		file.Close()
	}
}

// same compares two texts of JSON.
func same(got, want string) error {
	var values [2]any
	for i, text := range []string{got, want} {
		if err := json.Unmarshal([]byte(text), &values[i]); err != nil {
			return err
		}
	}
	if a, b := fmt.Sprint(values[0]), fmt.Sprint(values[1]); a != b {
		return fmt.Errorf("%.200s… is not what the notebook holds, %.200s…", a, b)
	}
	return nil
}

// TestExportCells exports two small notebooks, with and without an address for links to the source.
func TestExportCells(t *testing.T) {
	clone := ready(t)
	w := &workbook{root: clone.root, home: clone.home, work: t.TempDir(), out: logger{t}}
	book := `{"cells": [
 {"cell_type": "markdown", "id": "a", "metadata": {}, "source": "# One\n$\\hat x_i$, [two](two.ipynb), [three](03_three.ipynb#End), [code](../bnlib/run.go)\n\n$$\\begin{aligned}y &= \\gamma\\hat x\\end{aligned}$$\n\n% of a hundred"},
 {"cell_type": "code", "id": "b", "metadata": {}, "execution_count": 1, "source": "%%\nfmt.Println(1 < 2)", "outputs": [
  {"output_type": "stream", "name": "stdout", "text": "a < b\n\n` + "```" + `\nc\n"},
  {"output_type": "display_data", "metadata": {"image/png": {"alt": "A \"curve\""}}, "data": {
   "application/vnd.vegalite.v5+json": {"$schema": "https://vega.github.io/schema", "title": "</script><b>"}, "image/png": "iVBORw0KGgo="}},
  {"output_type": "display_data", "metadata": {}, "data": {"text/html": "<b>table</b><script src='https://cdn'></script>"}}
 ]},
 {"cell_type": "code", "id": "c", "metadata": {"jupyter": {"outputs_hidden": true}}, "execution_count": 2, "source": "x", "outputs": [
  {"output_type": "stream", "name": "stdout", "text": "Predict first. Then run the cell, or click here.\nhidden\n"}
 ]}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}`
	for _, name := range []string{"one", "two"} {
		if err := os.WriteFile(w.notebook(name), []byte(book), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const repository = "https://example.org/owner/name"
	for _, source := range []string{"", repository} {
		dir := filepath.Join(t.TempDir(), "site")
		if err := w.export(t.Context(), []string{"one", "two"}, dir, source); err != nil {
			t.Fatal(err)
		}
		one := readPage(t, dir, "one")
		for _, part := range []string{`name="viewport"`, "<math", `display="block"`, `alt="A &quot;curve&quot;"`, "a &lt; b\n\n```\nc", "<b>table</b>",
			`href="two.html"`, "% of a hundred", `\u003c/script>\u003cb>`, "<details><summary>Predict first, then open</summary>\n<pre class=\"output stdout\">hidden"} {
			if !strings.Contains(one.text, part) {
				t.Errorf("source %q: no %s in the page", source, part)
			}
		}
		if strings.Contains(one.text, "https://cdn") {
			t.Errorf("source %q: a script of an output is in the page", source)
		}
		for to, in := range map[string]sitePage{
			repository + "/blob/HEAD/notebooks/one.ipynb": one, repository + "/blob/HEAD/notebooks/03_three.ipynb#End": one,
			repository + "/blob/HEAD/bnlib/run.go": one, "git clone " + repository: readPage(t, dir, "index"),
		} {
			if names := strings.Contains(in.text, to) || strings.Contains(words(in.root), to); names != (source != "") {
				t.Errorf("source %q: %s names %s: %v", source, in.name, to, names)
			}
		}
	}
}

// TestRemote checks that nothing secret gets from a remote's address into a page.
func TestRemote(t *testing.T) {
	for remote, want := range map[string]string{
		"https://user:secret@example.org/owner/name.git": "https://example.org/owner/name",
		"https://example.org/owner/name":                 "https://example.org/owner/name",
		"git@example.org:owner/name.git":                 "",
		"/srv/name.git":                                  "",
	} {
		w := &workbook{root: t.TempDir(), out: logger{t}}
		for _, args := range [][]string{{"init", "-q", w.root}, {"-C", w.root, "remote", "add", "origin", remote}} {
			if out, err := exec.CommandContext(t.Context(), "git", args...).CombinedOutput(); err != nil {
				t.Fatalf("git %q: %v\n%s", args, err, out)
			}
		}
		if got := w.remote(t.Context()); got != want {
			t.Errorf("of %s: %q, want %q", remote, got, want)
		}
	}
}
