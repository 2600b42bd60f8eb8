package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// What prose says of measured numbers must be in what the page itself prints. A measured number is one with decimals, a
// percentage, or the number of a step.
var (
	measured = regexp.MustCompile(`(?i)\bsteps? (\d+)\b|(?:^|[^\w.])((?:\d+)?\.\d+)(%)?|(?:^|[^\w.])(\d+)(%)`)
	unspoken = regexp.MustCompile("(?s)```.*?```|`[^`]*`|\\$\\$.*?\\$\\$|\\$[^$\n]*\\$|\\]\\([^)]*\\)|https?://\\S+")
	written  = regexp.MustCompile(`-?(?:\d+)?\.?\d+(?:e[-+]?\d+)?`)
	tags     = regexp.MustCompile(`<[^>]*>`)
)

// strayNumbers returns the numbers in a notebook's prose that neither its outputs nor its code hold: as they are, as a
// percentage, or as what a share lacks to 1, rounded as in the prose.
func strayNumbers(b book) []string {
	var known []float64
	see := func(text string) {
		for _, s := range written.FindAllString(strings.ReplaceAll(text, "−", "-"), -1) {
			if x, err := strconv.ParseFloat(s, 64); err == nil {
				x = math.Abs(x)
				known = append(known, x, 100*x, 100*(1-x))
			}
		}
	}
	for _, c := range b.Cells {
		if c.Type == "code" {
			see(string(c.Source))
		}
		for _, out := range c.Outputs {
			see(string(out.Text))
			for mime, content := range out.Data {
				var text lines
				if strings.HasPrefix(mime, "text/") && json.Unmarshal(content, &text) == nil {
					see(tags.ReplaceAllString(embedded.ReplaceAllString(string(text), ""), " "))
				}
			}
		}
	}
	var stray []string
	for _, c := range b.Cells {
		if c.Type != "markdown" {
			continue
		}
		for _, m := range measured.FindAllStringSubmatch(unspoken.ReplaceAllString(string(c.Source), " "), -1) {
			number := m[1] + m[2] + m[4]
			x, _ := strconv.ParseFloat(number, 64)
			_, fraction, _ := strings.Cut(number, ".")
			unit := math.Pow(10, -float64(len(fraction)))
			found := false
			for _, k := range known {
				found = found || math.Abs(k-x) <= unit/2*(1+1e-9)
			}
			if !found {
				stray = append(stray, number+m[3]+m[5])
			}
		}
	}
	return stray
}

// TestProse reads the committed notebooks.
func TestProse(t *testing.T) {
	w := testWorkbook(t)
	names, err := w.resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		data, err := os.ReadFile(w.notebook(name))
		if err != nil {
			t.Fatal(err)
		}
		var b book
		if err := json.Unmarshal(data, &b); err != nil {
			t.Fatal(err)
		}
		if stray := strayNumbers(b); len(stray) > 0 {
			t.Errorf("%s: its prose has numbers that its outputs don't: %s", name, strings.Join(stray, ", "))
		}
	}
}

func TestStrayNumbers(t *testing.T) {
	for _, test := range []struct{ prose, want string }{
		{"ends at .9804, 98% and 98.0%, 1.96% of them wrong", ""},
		{"ends at .9805", ".9805"},
		{"passes 90% at step 450, not at Step 451", "451"},
		{"an error of 2.0%, or 3.0%", "3.0%"},
		{"settings of `0.123` and $x^{0.77}$ and [a link](page_0.55.html) are no results", ""},
		{"falls by 0.35, to −4.1", "0.35"},
	} {
		text, err := json.Marshal("accuracy .9804, 90% at step 450; from -4.12 on")
		if err != nil {
			t.Fatal(err)
		}
		var b book
		source := fmt.Sprintf(`{"cells": [{"cell_type": "markdown", "source": %q},
			{"cell_type": "code", "source": "x", "outputs": [{"output_type": "display_data", "data": {"text/plain": %s}}]}]}`, test.prose, text)
		if err := json.Unmarshal([]byte(source), &b); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(strayNumbers(b), ", "); got != test.want {
			t.Errorf("%q: stray %q, want %q", test.prose, got, test.want)
		}
	}
}
