package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Prose that says how printed results compare (equal, larger, negative, twice as large) can declare it in a comment, which no
// reader sees:
//
//	<!-- holds: key[the function above] = key[with batch norm]; 0 < 2 * inference[after 1 steps:] < inference[after 50 steps:] -->
//
// What column[row] is, the nearest output above says: in a line that begins with row, the word after column, or, without
// column, the word after row; in a table, the cell. Results are compared as numbers if they are numbers; = and ≠ compare words too.
var (
	declared = regexp.MustCompile(`(?s)<!--\s*holds:(.*?)-->`)
	operator = regexp.MustCompile(`\s(=|≠|<|>|≤|≥)\s`)
	result   = regexp.MustCompile(`(?s)^(?:(\S+)\s*\*\s*)?([^\[]*)\[(.+)\]$`)
)

// untrue returns the relations that a notebook's prose declares and that its outputs don't bear out.
func untrue(b book) []string {
	var found []string
	for i, c := range b.Cells {
		if c.Type != "markdown" {
			continue
		}
		for _, comment := range declared.FindAllStringSubmatch(string(c.Source), -1) {
			for relation := range strings.SplitSeq(comment[1], ";") {
				relation = strings.Join(strings.Fields(relation), " ")
				if err := holdsBelow(b.Cells[:i], relation); err != nil {
					found = append(found, fmt.Sprintf("%s (%v)", relation, err))
				}
			}
		}
	}
	return found
}

// holdsBelow says why a relation, below some cells, does not hold.
func holdsBelow(above []cell, relation string) error {
	operators := operator.FindAllStringSubmatch(relation, -1)
	terms := operator.Split(relation, -1)
	if len(operators) == 0 {
		return fmt.Errorf("no relation: there is none of = ≠ < > ≤ ≥ in it")
	}
	values := make([]string, len(terms))
	for i, term := range terms {
		var err error
		if values[i], err = value(above, term); err != nil {
			return err
		}
	}
	for i, op := range operators {
		a, b := values[i], values[i+1]
		x, errX := strconv.ParseFloat(a, 64)
		y, errY := strconv.ParseFloat(b, 64)
		numbers := errX == nil && errY == nil
		equal := a == b || numbers && x == y
		if !map[string]bool{"=": equal, "≠": !equal, "<": numbers && x < y, ">": numbers && x > y,
			"≤": numbers && x <= y, "≥": numbers && x >= y}[op[1]] {
			return fmt.Errorf("it is %s and %s", a, b)
		}
	}
	return nil
}

// value is that of a number, of column[row], or of a multiple of it.
func value(above []cell, term string) (string, error) {
	if _, err := strconv.ParseFloat(term, 64); err == nil {
		return term, nil
	}
	m := result.FindStringSubmatch(term)
	if m == nil {
		return "", fmt.Errorf("%q is neither a number nor column[row]", term)
	}
	for i := len(above) - 1; i >= 0; i-- {
		for _, text := range texts(above[i]) {
			word, ok := find(text, strings.TrimSpace(m[2]), m[3])
			if !ok || m[1] == "" {
				if ok {
					return word, nil
				}
				continue
			}
			factor, err1 := strconv.ParseFloat(m[1], 64)
			x, err2 := strconv.ParseFloat(word, 64)
			if err1 != nil || err2 != nil {
				return "", fmt.Errorf("%s times %s: no numbers", m[1], word)
			}
			return strconv.FormatFloat(factor*x, 'g', -1, 64), nil
		}
	}
	return "", fmt.Errorf("no output above has %s[%s]", m[2], m[3])
}

// texts returns what a cell has put out as text.
func texts(c cell) []string {
	var all []string
	for _, out := range c.Outputs {
		var text lines
		if content, ok := out.Data["text/plain"]; ok && json.Unmarshal(content, &text) == nil {
			all = append(all, string(text))
		}
		all = append(all, string(out.Text))
	}
	return all
}

// find looks column[row] up in a text.
func find(text, column, row string) (word string, ok bool) {
	var header []string
	for line := range strings.Lines(text) {
		line = strings.Join(strings.Fields(line), " ")
		if cells := strings.Split(strings.Trim(line, "| "), " | "); strings.HasPrefix(line, "|") {
			if header == nil {
				header = cells
			}
			for k := 1; k < len(cells) && strings.TrimSpace(cells[0]) == row; k++ {
				if k < len(header) && strings.TrimSpace(header[k]) == column {
					return clean(cells[k]), true
				}
			}
			continue
		}
		header = nil
		rest, ok := strings.CutPrefix(line, row+" ")
		if ok && column != "" {
			_, rest, ok = strings.Cut(" "+rest, " "+column+" ")
		}
		if fields := strings.Fields(rest); ok && len(fields) > 0 {
			return clean(fields[0]), true
		}
	}
	return "", false
}

// clean takes off what surrounds a result in a sentence.
func clean(word string) string {
	return strings.ReplaceAll(strings.Trim(word, " ,;:()[]…%"), "−", "-")
}

// TestRelations reads the committed notebooks.
func TestRelations(t *testing.T) {
	for _, b := range committed(t, testWorkbook(t)) {
		for _, relation := range untrue(b.book) {
			t.Errorf("%s: its prose declares what its outputs don't bear out: %s", b.name, relation)
		}
	}
}

func TestUntrue(t *testing.T) {
	outputs := `"outputs": [{"output_type": "stream", "text": "with norm     key 1a2b…, accuracy .98\nwithout norm  key 1a2c…, accuracy .97\n"},
		{"output_type": "display_data", "data": {"text/plain": "| network | test | share |\n| --- | ---: | ---: |\n| plain | .9 | 3% |\n| a b | −2 | 4% |\n\ncaption"}}]`
	for _, test := range []struct{ holds, untrue string }{
		{"accuracy[with norm] > accuracy[without norm]", ""},
		{"key[with norm] ≠ key[without norm]", ""},
		{"key[with norm] = key[without norm]", "it is 1a2b and 1a2c"},
		{"test[a b] < 0 < test[plain] ≤ 0.9", ""},
		{"share[a b] < share[plain]; share[a b] = 4", "it is 4 and 3"},
		{"2 * share[plain] > share[a b]", ""},
		{"2 * accuracy[with norm] > 2", "it is 1.96 and 2"},
		{"[with norm] = key", "neither a number nor"},
		{"test[c] > 0", "no output above has test[c]"},
		{"test[a b]", "no relation"},
		{"key[with norm] < key[without norm]", "it is 1a2b and 1a2c"},
		{"2 * key[with norm] > 0", "no numbers"},
	} {
		var b book
		source := fmt.Sprintf(`{"cells": [{"cell_type": "code", "source": "x", %s}, {"cell_type": "markdown", "source": %q},
			{"cell_type": "code", "source": "x", "outputs": [{"output_type": "stream", "text": "c test 5"}]}]}`,
			outputs, "It is so. <!-- holds: "+test.holds+" -->")
		if err := json.Unmarshal([]byte(source), &b); err != nil {
			t.Fatal(err)
		}
		got := strings.Join(untrue(b), ", ")
		if test.untrue == "" && got != "" || !strings.Contains(got, test.untrue) {
			t.Errorf("%q: untrue is %q, want %q", test.holds, got, test.untrue)
		}
	}
}
