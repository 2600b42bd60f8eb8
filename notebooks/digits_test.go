package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"batchnorm/data"
)

// Processors of other instruction sets add in another order, so that the last digits of what was trained differ: prose gives a
// measured number with three significant digits at most. More are for numbers that hold everywhere: those of the article, the
// share of a class, and those that a page's code has.
const digitsThatHold = 3

var decimal = regexp.MustCompile(`(?:^|[^\w.])(\d*\.\d+)(?:e[-+]?\d+)?(%)?`)

// precise returns the numbers in a notebook's prose with more digits than hold on any machine. exact are those that may.
func precise(b book, exact []string) []string {
	var known []string
	known = append(known, exact...)
	for _, c := range b.Cells {
		if c.Type == "code" {
			known = append(known, written.FindAllString(string(c.Source), -1)...)
		}
	}
	var found []string
	for _, c := range b.Cells {
		if c.Type != "markdown" {
			continue
		}
		for _, m := range decimal.FindAllStringSubmatch(unspoken.ReplaceAllString(string(c.Source), " "), -1) {
			significant := strings.TrimLeft(strings.Replace(m[1], ".", "", 1), "0")
			if len(significant) > digitsThatHold && !slices.ContainsFunc(known, func(k string) bool { return sameNumber(k, m[1], m[2] != "") }) {
				found = append(found, m[1]+m[2])
			}
		}
	}
	return found
}

// sameNumber reports whether a number of prose, or a percentage, is a known one.
func sameNumber(known, number string, percentage bool) bool {
	k, err := strconv.ParseFloat(known, 64)
	x, _ := strconv.ParseFloat(number, 64)
	if percentage {
		x /= 100
	}
	return err == nil && x-k < 1e-12 && k-x < 1e-12
}

// exactNumbers are the numbers that the article gives, and the share of every class in the test and the validation images.
func exactNumbers(t *testing.T, root string) []string {
	t.Helper()
	article, err := os.ReadFile(filepath.Join(root, "bnlib", "article.go"))
	if err != nil {
		t.Fatal(err)
	}
	exact := append(written.FindAllString(string(article), -1), ".8906", ".9597", ".9606", ".9632", "483.61", "329.23") // and of its close-ups
	mnist, err := data.MNIST()
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range []data.Set{mnist.Test, mnist.Validation} {
		var of [data.Classes]int
		for _, label := range set.Labels {
			of[label]++
		}
		for _, n := range of {
			exact = append(exact, fmt.Sprint(float64(n)/float64(set.Len())))
		}
	}
	return exact
}

// TestDigits reads the prose of the committed notebooks.
func TestDigits(t *testing.T) {
	w := testWorkbook(t)
	exact := exactNumbers(t, w.root)
	for _, b := range committed(t, w) {
		if found := precise(b.book, exact); len(found) > 0 {
			t.Errorf("%s: its prose has numbers with more digits than hold on another processor: %s; allowed: %d significant ones, as in .973, or %s",
				b.name, strings.Join(found, ", "), digitsThatHold, "a number of the article, a class's share, or one that the page's code has")
		}
	}
}

func TestPrecise(t *testing.T) {
	exact := exactNumbers(t, testWorkbook(t).root)
	for _, test := range []struct{ prose, want string }{
		{"ends at .973, 97.3%, with a loss of 0.0748 or 5.2e-05", ""},
		{"ends at .9804, or 98.04%", ".9804, 98.04%"},
		{"the article has .9801, which is 98.01%, and 483.61", ""},
		{"answers 1 for all: .1135; class 0 is .0980", ""},
		{"a momentum of 0.9925 in the code, `0.12345` in code, $0.12345$ in a formula", ""},
		{"0.1234", "0.1234"},
		{"in section 3.1234 and figures 2.1234 and 5", ""},
		{"<!-- holds: a[0.1234] = b[0.1234] -->", ""},
	} {
		text, err := json.Marshal(test.prose)
		if err != nil {
			t.Fatal(err)
		}
		var b book
		source := fmt.Sprintf(`{"cells": [{"cell_type": "markdown", "source": %s}, {"cell_type": "code", "source": "m := 0.9925"}]}`, text)
		if err := json.Unmarshal([]byte(source), &b); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(precise(b, exact), ", "); got != test.want {
			t.Errorf("%q: %q, want %q", test.prose, got, test.want)
		}
	}
}
