package chart_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"batchnorm/bnlib/chart"
	"batchnorm/bnlib/probe"
)

func TestInitial(t *testing.T) {
	networks, snapshots := initial()
	table := chart.Initial(networks, snapshots)
	if len(table.Rows) != len(networks) {
		t.Fatalf("%d rows for %d networks", len(table.Rows), len(networks))
	}
	for i, row := range table.Rows {
		e, s := networks[i].Experiment, snapshots[i]
		name := fmt.Sprintf("std %v, ", e.InitStd)
		if !strings.HasPrefix(row[0], name) || strings.HasSuffix(row[0], "without batch norm") == isBatch(networks[i]) {
			t.Errorf("row %d is of %q", i, row[0])
		}
		if got := strings.Split(row[1], ", "); len(got) != 3 || got[0] != fmt.Sprintf("%.3g", preActivations(s)[0].Std) {
			t.Errorf("%s: std %q", row[0], row[1])
		}
		share := preActivations(s)[2].Dead
		if math.IsNaN(share) {
			share = preActivations(s)[2].Saturated
		}
		if got := strings.Split(row[2], ", "); len(got) != 3 || got[2] != fmt.Sprintf("%.1f%%", 100*share) {
			t.Errorf("%s: saturated or dead %q, want %v last", row[0], row[2], share)
		}
		if row[3] != fmt.Sprintf("%.3g", s.Loss) {
			t.Errorf("%s: loss %s, want %v", row[0], row[3], s.Loss)
		}
		first, last := gradient(s, "hidden_1"), gradient(s, "hidden_3")
		if want := fmt.Sprintf("%.3g", first/last); row[6] != want {
			t.Errorf("%s: ratio of gradients %s, want %s", row[0], row[6], want)
		}
	}
	if empty := chart.Initial(networks, nil); len(empty.Rows) != 0 {
		t.Errorf("rows without snapshots: %v", empty.Rows)
	}
}

func preActivations(s probe.Snapshot) []probe.Signal {
	return slices.DeleteFunc(slices.Clone(s.Signals), func(g probe.Signal) bool { return g.Kind != probe.PreActivation })
}

func gradient(s probe.Snapshot, layer string) float64 {
	i := slices.IndexFunc(s.Parameters, func(p probe.ParameterSizes) bool { return p.Name == layer+"/dense/weights" })
	return s.Parameters[i].Gradient
}
