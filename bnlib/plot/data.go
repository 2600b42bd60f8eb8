package plot

import (
	"encoding/csv"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// dataSets is all data of a figure's Vega-Lite rendering: tables, each a text of comma-separated values, for a notebook has a
// line for every value of a list. What panels have in common is there once.
type dataSets []*dataSet

// dataSet is a table of cells.
type dataSet struct {
	name    string
	columns []column // the first is what the rows are about
}

type column struct {
	name  string
	cells []string
}

const (
	unknown = ""  // null, as Vega reads it: a curve breaks here
	absent  = "-" // not a number: a curve has no point here, and goes on
)

// about returns the table whose rows are about the given things, in a column of the given name, or a new one.
func (d *dataSets) about(name string, things []string) *dataSet {
	for _, t := range *d {
		if first := t.columns[0]; first.name == name && slices.Equal(first.cells, things) {
			return t
		}
	}
	t := &dataSet{name: fmt.Sprintf("data%d", len(*d)), columns: []column{{name, things}}}
	*d = append(*d, t)
	return t
}

// column returns the name of the column that holds the given cells, or of a new one.
func (t *dataSet) column(cells []string) string {
	for _, c := range t.columns {
		if slices.Equal(c.cells, cells) {
			return c.name
		}
	}
	name := fmt.Sprintf("c%d", len(t.columns))
	t.columns = append(t.columns, column{name, cells})
	return name
}

// source is the data of a view. Its fields are words until toNumber, or the encoding of a place, makes numbers of them.
func (t *dataSet) source() object { return object{"name": t.name, "format": object{"type": "csv"}} }

func (t *dataSet) csv() string {
	var out strings.Builder
	w := csv.NewWriter(&out)
	line := make([]string, len(t.columns))
	for row := -1; row < len(t.columns[0].cells); row++ {
		for i, c := range t.columns {
			if line[i] = c.name; row >= 0 {
				line[i] = c.cells[row]
			}
		}
		if err := w.Write(line); err != nil {
			panic(err) // into memory there is none
		}
	}
	w.Flush()
	return out.String()
}

func (d dataSets) vegaLite() object {
	out := object{}
	for _, t := range d {
		out[t.name] = t.csv()
	}
	return out
}

// cell writes a number, with five significant digits.
func cell(v float64) string {
	if math.IsNaN(v) {
		return unknown
	}
	return strconv.FormatFloat(significant(v, 5), 'g', -1, 64)
}

func cellsOf[T any](values []T, write func(T) string) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = write(v)
	}
	return out
}
