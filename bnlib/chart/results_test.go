package chart_test

import (
	"math"
	"strings"
	"testing"

	"batchnorm/bnlib"
	"batchnorm/bnlib/chart"
)

func TestResults(t *testing.T) {
	nan := math.NaN()
	run := func(change func(*bnlib.Run)) *bnlib.Run {
		r := broken(0, 2, 1, .5)
		r.Test = .91
		r.Points[1].Accuracy, r.Points[2].Accuracy = .95, .925
		change(r)
		return r
	}
	tests := []struct {
		name string
		run  *bnlib.Run
		want string
	}{
		{"finished", run(func(r *bnlib.Run) {}), "without batch norm|.9100|.9250|10|finished"},
		{"begun", run(func(r *bnlib.Run) { *r = bnlib.Run{Network: r.Network, Status: bnlib.Running} }), "without batch norm|–|–|not yet|step 0 of 20"},
		{"underway", run(func(r *bnlib.Run) { r.Points, r.Test, r.Status = r.Points[:1], 0, bnlib.Running }), "without batch norm|–|.5000|not yet|step 0 of 20"},
		{"cancelled", run(func(r *bnlib.Run) {
			r.Points, r.Test, r.Status = r.Points[:2], nan, bnlib.Cancelled
		}), "without batch norm|–|.9500|10|cancelled at step 10 of 20"},
		{"diverged", run(func(r *bnlib.Run) {
			*r = *broken(7, 2, nan, nan)
			r.Test, r.Status = .098, bnlib.Diverged
		}), "without batch norm|.0980*|.5000*|never|diverged at step 7"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			table := chart.Results(test.run)
			if got := strings.Join(table.Rows[0], "|"); got != test.want {
				t.Errorf("row %s, want %s", got, test.want)
			}
			if starred := strings.Contains(table.Caption, "share of that class"); starred != strings.Contains(test.want, "*") {
				t.Errorf("caption %q", table.Caption)
			}
		})
	}
}

func TestAddColumn(t *testing.T) {
	table := chart.Results(recorded("experiment1")...).AddColumn("article", chart.Accuracies(.9746)...)
	if got := table.Header[4]; got != "article" {
		t.Errorf("column %q", got)
	}
	if a, b := table.Rows[0][4], table.Rows[1][4]; a != ".9746" || b != "–" {
		t.Errorf("cells %q and %q", a, b)
	}
}
