package main

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// What prose says of measured numbers must be in what the page itself prints. A measured number is one with decimals, a
// percentage, or the number of a step.
var (
	measured = regexp.MustCompile(`(?i)\bsteps? (\d+)\b|(?:^|[^\w.])((?:\d+)?\.\d+(?:e[-+]?\d+)?)(%)?|(?:^|[^\w.])(\d+)(%)`)
	unspoken = regexp.MustCompile("(?s)<!--.*?-->|\\b(?i:sections?|figures?|tables?|algorithms?|definitions?) \\d[\\d.]*(?:(?:,| and) \\d[\\d.]*)*|```.*?```|`[^`]*`|\\$\\$.*?\\$\\$|\\$[^$\n]*\\$|\\]\\([^)]*\\)|https?://\\S+")
	written  = regexp.MustCompile(`-?(?:\d+)?\.?\d+(?:e[-+]?\d+)?`)
	tags     = regexp.MustCompile(`<[^>]*>`)
	named    = regexp.MustCompile(`(?i)\bexperiments? \d(?:(?:,| and|, and| or| to) \d\b)*`)
	digits   = regexp.MustCompile(`\d`)
)

// strayNumbers returns the numbers in a notebook's prose that neither its outputs nor its code hold, nor those of the page of an
// experiment that the paragraph names: as they are, as a percentage, or as what a share lacks to 1, rounded as in the prose.
func strayNumbers(b book, experiments map[string]book) []string {
	own, others := numbers(b), map[string][]float64{}
	for n, page := range experiments {
		others[n] = numbers(page)
	}
	var stray []string
	for _, c := range b.Cells {
		if c.Type != "markdown" {
			continue
		}
		for paragraph := range strings.SplitSeq(string(c.Source), "\n\n") {
			known := slices.Clone(own)
			for _, m := range named.FindAllString(paragraph, -1) {
				for _, n := range digits.FindAllString(m, -1) {
					known = append(known, others[n]...)
				}
			}
			for _, m := range measured.FindAllStringSubmatch(strings.ReplaceAll(unspoken.ReplaceAllString(paragraph, " "), "−", "-"), -1) {
				if number := m[1] + m[2] + m[4]; !holds(known, number) {
					stray = append(stray, number+m[3]+m[5])
				}
			}
		}
	}
	return stray
}

// holds reports whether one of the known numbers, rounded as number is, is that.
func holds(known []float64, number string) bool {
	x, _ := strconv.ParseFloat(number, 64)
	mantissa, exponent, _ := strings.Cut(number, "e")
	_, fraction, _ := strings.Cut(mantissa, ".")
	power, _ := strconv.Atoi(exponent)
	unit := math.Pow(10, float64(power-len(fraction)))
	return slices.ContainsFunc(known, func(k float64) bool { return math.Abs(k-x) <= unit/2*(1+1e-9) })
}

// numbers returns those of a notebook's outputs and code, each also as a percentage and as what it lacks to 1 in percent.
func numbers(b book) []float64 {
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
	return known
}

// TestProse reads the committed notebooks.
func TestProse(t *testing.T) {
	books, experiments := committed(t, testWorkbook(t)), map[string]book{}
	for _, b := range books {
		if _, number, ok := strings.Cut(b.name, "_experiment_"); ok {
			experiments[number] = b.book
		}
	}
	for _, b := range books {
		if stray := strayNumbers(b.book, experiments); len(stray) > 0 {
			t.Errorf("%s: its prose has numbers that its outputs don't: %s", b.name, strings.Join(stray, ", "))
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
		{"Ioffe and Szegedy, section 3.3 and figure 4.2, definition 2.1, <!-- 0.77 --> say so", ""},
		{"falls by 0.35, to −4.1", "0.35"},
		{"tiny steps of 5.2e-05 and 5.3e−05", "5.3e-05"},
		{"as in experiments 3 and 5, .7787\n\nand .7787 again", ".7787"},
	} {
		text, err := json.Marshal("accuracy .9804, 90% at step 450; from -4.12 on; 5.2e−05")
		if err != nil {
			t.Fatal(err)
		}
		var b, other book
		if err := json.Unmarshal([]byte(`{"cells": [{"cell_type": "code", "source": "0.7787"}]}`), &other); err != nil {
			t.Fatal(err)
		}
		source := fmt.Sprintf(`{"cells": [{"cell_type": "markdown", "source": %q},
			{"cell_type": "code", "source": "x", "outputs": [{"output_type": "display_data", "data": {"text/plain": %s}}]}]}`, test.prose, text)
		if err := json.Unmarshal([]byte(source), &b); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(strayNumbers(b, map[string]book{"5": other}), ", "); got != test.want {
			t.Errorf("%q: stray %q, want %q", test.prose, got, test.want)
		}
	}
}
