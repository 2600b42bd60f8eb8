package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"batchnorm/bnlib/host"
)

// TestConventions holds the table at the end of page 28 to what the frameworks do, where they are installed.
func TestConventions(t *testing.T) {
	dir, err := host.Dir()
	if err != nil {
		t.Fatal(err)
	}
	python := host.Venv{Dir: filepath.Join(dir, "peers", "venv")}.Python()
	if _, err := os.Stat(python); err != nil {
		t.Skip("PyTorch and Keras are not installed; go run ./bnlib/compare does that")
	}
	cmd := exec.Command(python, "testdata/conventions.py")
	cmd.Env = pythonEnv()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	var does map[string]map[string]string
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &does); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	table := pageTable(t, "Keras 3")
	for framework, conventions := range does {
		column := slices.Index(table[0], framework)
		if column < 0 || len(conventions) < 10 {
			t.Fatalf("%s has %d conventions and is column %d of %q", framework, len(conventions), column, table[0])
		}
		for convention, cell := range conventions {
			row := slices.IndexFunc(table, func(row []string) bool { return row[0] == convention })
			if row < 0 || table[row][column] != cell {
				t.Errorf("%s, %s: the page has row %d of %q; the layer says %q", framework, convention, row, table, cell)
			}
		}
	}
}

// pageTable returns the cells of the table of page 28 whose header has a word.
func pageTable(t *testing.T, word string) (table [][]string) {
	content, err := os.ReadFile("../../notebooks/28_traps.ipynb")
	if err != nil {
		t.Fatal(err)
	}
	var page struct{ Cells []struct{ Source []string } }
	if err := json.Unmarshal(content, &page); err != nil {
		t.Fatal(err)
	}
	for _, cell := range page.Cells {
		for _, line := range cell.Source {
			switch line = strings.TrimSpace(line); {
			case !strings.HasPrefix(line, "|"):
				if table != nil {
					return table
				}
			case table != nil || strings.Contains(line, word):
				var row []string
				for _, field := range strings.Split(strings.Trim(line, "|"), "|") {
					row = append(row, strings.TrimSpace(field))
				}
				table = append(table, row)
			}
		}
	}
	return table
}
