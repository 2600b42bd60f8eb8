package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What a committed notebook may hold at most: more is slow to open, or too much to read in one go.
const (
	maxBytes     = 1_000_000
	maxCells     = 40
	maxCodeLines = 20
)

type book struct {
	Cells    []cell `json:"cells"`
	Metadata struct {
		Kernelspec struct {
			Name string `json:"name"`
		} `json:"kernelspec"`
	} `json:"metadata"`
}

type cell struct {
	Type    string          `json:"cell_type"`
	Source  lines           `json:"source"`
	Count   *int            `json:"execution_count"`
	Meta    json.RawMessage `json:"metadata"`
	Outputs []output        `json:"outputs"`
}

type output struct {
	Type string                     `json:"output_type"`
	Data map[string]json.RawMessage `json:"data"`
	Text lines                      `json:"text"`
}

// shows reports whether any form of the output holds something.
func (o output) shows() bool {
	for _, content := range o.Data {
		if s := string(content); s != `""` && s != "[]" {
			return true
		}
	}
	return false
}

// lines is a text that the format writes as one string or as a list of them.
type lines string

func (l *lines) UnmarshalJSON(data []byte) error {
	var list []string
	if json.Unmarshal(data, &list) == nil {
		*l = lines(strings.Join(list, ""))
		return nil
	}
	return json.Unmarshal(data, (*string)(l))
}

// embedded is a picture inside HTML; its letters may spell anything.
var embedded = regexp.MustCompile(`base64,[A-Za-z0-9+/=\\n]*`)

// faults says what keeps a notebook from being committed.
func faults(data []byte, places []string) []string {
	var found []string
	fault := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	var b book
	if err := json.Unmarshal(data, &b); err != nil {
		return []string{err.Error()}
	}
	if len(data) > maxBytes {
		fault("it is %d bytes long, over %d: fewer points or smaller figures", len(data), maxBytes)
	}
	if len(b.Cells) > maxCells {
		fault("it has %d cells, over %d", len(b.Cells), maxCells)
	}
	if b.Metadata.Kernelspec.Name != "gonb" {
		fault("its kernel is %q, not gonb", b.Metadata.Kernelspec.Name)
	}
	if !bytes.HasPrefix(data, []byte("{\n \"cells\"")) || !bytes.HasSuffix(data, []byte("}\n")) {
		fault("it is not formatted as nbformat does, so differences show whole files")
	}
	code := 0
	for i, c := range b.Cells {
		if c.Type != "code" || strings.TrimSpace(string(c.Source)) == "" {
			continue
		}
		code++
		if code == 1 && !strings.HasPrefix(string(c.Source), "%noautoget\n") {
			fault("cell %d: the first code cell does not begin with %%noautoget, so every cell would ask the network for modules", i+1)
		}
		if n := strings.Count(strings.TrimRight(string(c.Source), "\n"), "\n") + 1; n > maxCodeLines {
			fault("cell %d: %d lines of code, over %d: machinery belongs in bnlib", i+1, n, maxCodeLines)
		}
		if c.Count == nil || *c.Count != code {
			fault("cell %d: not run from top to bottom in one go: go run ./notebooks run", i+1)
		}
		if strings.Contains(string(c.Meta), "iopub.") {
			fault("cell %d: holds the times of its run, which change every time", i+1)
		}
		if hides.Match(c.Meta) && len(c.Outputs) > 0 && !strings.HasPrefix(string(c.Outputs[0].Text), folded) {
			fault("cell %d: its output is folded, and the line that JupyterLab shows of it is not %q: go run ./notebooks run", i+1, folded)
		}
		for _, out := range c.Outputs {
			if out.Type == "error" {
				fault("cell %d: ended in an error", i+1)
			}
			if out.Data != nil && !out.shows() {
				fault("cell %d: an output that shows nothing", i+1)
			}
			if out.Data["application/vnd.vegalite.v5+json"] != nil && out.Data["image/png"] == nil {
				fault("cell %d: a Vega-Lite figure without its PNG, which GitHub and the export show", i+1)
			}
			texts := []string{string(out.Text)}
			for mime, content := range out.Data {
				if mime != "image/png" && mime != "image/jpeg" {
					texts = append(texts, embedded.ReplaceAllString(string(content), ""))
				}
			}
			text := strings.Join(texts, "\n")
			if strings.Contains(text, "\x1b") || strings.Contains(text, `\u001b`) {
				fault("cell %d: escape codes in its output", i+1)
			}
			for _, place := range places {
				if strings.Contains(text, place) {
					fault("cell %d: the path %s of one machine in its output", i+1, place)
				}
			}
		}
	}
	if code == 0 {
		fault("it has no code")
	}
	return found
}

// folded is what stands before an output that is committed folded; see execute.py.
const folded = "Predict first. "

var hides = regexp.MustCompile(`"outputs_hidden":\s*true`)

// places are the beginnings of paths that mean nothing on another machine.
func places(t *testing.T, w *workbook) []string {
	var places []string
	for _, top := range []string{"tmp", "home", "Users", "root", "private/var"} {
		places = append(places, "/"+top+"/")
	}
	for _, place := range []string{w.root, w.home} {
		if len(place) > 1 {
			places = append(places, place)
		}
	}
	return places
}

// Every committed notebook is whole: run from top to bottom, without errors, free of this machine, and short.
func TestCommitted(t *testing.T) {
	w := testWorkbook(t)
	for _, c := range committed(t, w) {
		for _, fault := range faults(c.data, places(t, w)) {
			t.Errorf("%s: %s", c.name, fault)
		}
	}
}

// committedBook is a notebook as it is committed.
type committedBook struct {
	name string
	data []byte
	book
}

// committed reads all notebooks, in order.
func committed(t *testing.T, w *workbook) []committedBook {
	t.Helper()
	names, err := w.resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	books := make([]committedBook, len(names))
	for i, name := range names {
		b := &books[i]
		b.name = name
		if b.data, err = os.ReadFile(w.notebook(name)); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b.data, &b.book); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return books
}

func TestFaults(t *testing.T) {
	good := func(change func(nb map[string]any, first map[string]any)) []byte {
		first := map[string]any{
			"cell_type": "code", "execution_count": 1, "metadata": map[string]any{},
			"source":  []string{"%noautoget\n", "import \"fmt\"\n"},
			"outputs": []any{map[string]any{"output_type": "stream", "text": []string{"fine\n"}}},
		}
		nb := map[string]any{
			"cells":    []any{first},
			"metadata": map[string]any{"kernelspec": map[string]any{"name": "gonb"}},
		}
		change(nb, first)
		data, err := json.MarshalIndent(nb, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		return append(data, '\n')
	}
	data := func(mimes map[string]any) []any {
		return []any{map[string]any{"output_type": "display_data", "data": mimes}}
	}
	for _, test := range []struct {
		name   string
		change func(nb, first map[string]any)
		want   string // part of the one fault; empty: none
	}{
		{"good", func(nb, first map[string]any) {}, ""},
		{"not run", func(nb, first map[string]any) { first["execution_count"] = nil }, "top to bottom"},
		{"run twice", func(nb, first map[string]any) { first["execution_count"] = 2 }, "top to bottom"},
		{"asks the network", func(nb, first map[string]any) { first["source"] = "import \"fmt\"" }, "%noautoget"},
		{"long cell", func(nb, first map[string]any) { first["source"] = "%noautoget\n" + strings.Repeat("x\n", 20) }, "21 lines"},
		{"many cells", func(nb, first map[string]any) {
			cells := nb["cells"].([]any)
			for range maxCells {
				cells = append(cells, map[string]any{"cell_type": "markdown", "source": "text"})
			}
			nb["cells"] = cells
		}, "41 cells"},
		{"large", func(nb, first map[string]any) {
			nb["cells"] = append(nb["cells"].([]any), map[string]any{"cell_type": "markdown", "source": strings.Repeat("x", maxBytes)})
		}, "bytes long"},
		{"error", func(nb, first map[string]any) { first["outputs"] = []any{map[string]any{"output_type": "error"}} }, "error"},
		{"no PNG", func(nb, first map[string]any) {
			first["outputs"] = data(map[string]any{"application/vnd.vegalite.v5+json": map[string]any{}})
		}, "PNG"},
		{"with PNG", func(nb, first map[string]any) {
			first["outputs"] = data(map[string]any{"application/vnd.vegalite.v5+json": map[string]any{}, "image/png": "/tmp/"})
		}, ""},
		{"empty", func(nb, first map[string]any) {
			first["outputs"] = data(map[string]any{"text/html": []string{}, "text/plain": ""})
		}, "shows nothing"},
		{"colours", func(nb, first map[string]any) {
			first["outputs"] = []any{map[string]any{"output_type": "stream", "text": "\x1b[31mred"}}
		}, "escape"},
		{"path", func(nb, first map[string]any) {
			first["outputs"] = data(map[string]any{"text/html": "<b>/clone/x</b>"})
		}, "/clone"},
		{"path in a picture", func(nb, first map[string]any) {
			first["outputs"] = data(map[string]any{"text/html": `<img src="data:image/png;base64,A/clone/B">`})
		}, ""},
		{"answer given away", func(nb, first map[string]any) {
			first["metadata"] = map[string]any{"jupyter": map[string]any{"outputs_hidden": true}}
		}, "is folded"},
		{"folded", func(nb, first map[string]any) {
			first["metadata"] = map[string]any{"jupyter": map[string]any{"outputs_hidden": true}}
			first["outputs"] = []any{map[string]any{"output_type": "stream", "text": []string{folded + "Then look.\n", "fine\n"}}}
		}, ""},
		{"times", func(nb, first map[string]any) {
			first["metadata"] = map[string]any{"execution": map[string]any{"iopub.status.busy": "now"}}
		}, "times"},
		{"other kernel", func(nb, first map[string]any) { nb["metadata"] = map[string]any{} }, "kernel"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := faults(good(test.change), []string{"/clone"})
			switch {
			case test.want == "" && len(got) > 0:
				t.Errorf("faults %q, want none", got)
			case test.want != "" && (len(got) != 1 || !strings.Contains(got[0], test.want)):
				t.Errorf("faults %q, want one with %q", got, test.want)
			}
		})
	}
}

// testWorkbook is the clone that the test runs in.
func testWorkbook(t testing.TB) *workbook {
	t.Helper()
	w, err := open(logger{t})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// ready is testWorkbook, set up.
func ready(t *testing.T) *workbook {
	t.Helper()
	if testing.Short() {
		t.Skip("needs set-up and the kernel")
	}
	w := testWorkbook(t)
	if err := w.setup(t.Context(), soon); err != nil {
		t.Fatal(err)
	}
	return w
}

// logger writes what the program says to the test's log.
type logger struct{ t testing.TB }

func (l logger) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimRight(string(p), "\n"))
	return len(p), nil
}

// writeBook writes a notebook of the given cells; one that begins with # is prose.
func writeBook(t testing.TB, path string, cells ...string) {
	t.Helper()
	var list []any
	for i, source := range cells {
		c := map[string]any{"id": fmt.Sprint("c", i), "metadata": map[string]any{}, "source": source}
		if strings.HasPrefix(source, "#") {
			c["cell_type"] = "markdown"
		} else {
			c["cell_type"], c["execution_count"], c["outputs"] = "code", nil, []any{}
		}
		list = append(list, c)
	}
	data, err := json.Marshal(map[string]any{
		"cells": list, "nbformat": 4, "nbformat_minor": 5,
		"metadata": map[string]any{"kernelspec": map[string]any{"name": "gonb", "display_name": "Go (gonb)", "language": "go"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
