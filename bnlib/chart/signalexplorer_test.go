package chart_test

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"batchnorm/bnlib"
	"batchnorm/bnlib/chart"
	"batchnorm/bnlib/internal/vegalite"
	"batchnorm/bnlib/plot"

	"github.com/gomlx/gomlx/ml/layers/activation"
)

// TestSignalExplorer moves the slider and the choice as the specification's own expressions do.
func TestSignalExplorer(t *testing.T) {
	networks, snapshots := initial()
	e := chart.SignalExplorer(networks, snapshots, bnlib.Article(6))
	if len(e.States) != 4 || e.Slider != (plot.Slider{Label: e.Slider.Label, Min: -1.3, Max: 1, Step: 2.3}) {
		t.Fatalf("%d states, slider %+v", len(e.States), e.Slider)
	}
	if got := e.Title(); !strings.Contains(got, "std 10, sigmoid") {
		t.Errorf("starts with %q", got)
	}
	spec := vegalite.Of(t, e)
	var s struct {
		Params []struct {
			Name  string
			Value any
			Bind  any
		}
	}
	if err := json.Unmarshal(spec, &s); err != nil {
		t.Fatal(err)
	}
	tables, err := vegalite.Tables(spec)
	if err != nil {
		t.Fatal(err)
	}
	value := func(name string) any {
		for _, p := range s.Params {
			if p.Name == name {
				return p.Value
			}
		}
		t.Fatalf("no parameter %q", name)
		return nil
	}
	keys, titles := value("keys").([]any), value("titles").([]any)
	for i, n := range networks {
		option := "ReLU"
		if n.Activation == activation.TypeSigmoid {
			option = "sigmoid"
		}
		at := slices.Index(keys, any(fmt.Sprintf("%s %d", option, int(math.Round(10*math.Log10(n.InitStd)))*100)))
		if at < 0 {
			t.Fatalf("std %v, %s is not among %v", n.InitStd, option, keys)
		}
		if title := fmt.Sprint(titles[at]); !strings.Contains(title, fmt.Sprintf("std %v, %s", n.InitStd, option)) {
			t.Errorf("std %v, %s is under the title %q", n.InitStd, option, title)
		}
		var got []float64
		for _, row := range tables["data0"] {
			if row["c1"] == fmt.Sprint(at) { // c1 is the state, c2 the first curve, without batch norm, c3 the other
				std, err := strconv.ParseFloat(row[map[bool]string{false: "c2", true: "c3"}[isBatch(n)]], 64)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, std)
			}
		}
		for k, g := range preActivations(snapshots[i]) {
			if k >= len(got) || math.Abs(got[k]/g.Std-1) > 1e-4 {
				t.Errorf("std %v, %s, %v: std by layer %v, want %v in layer %d", n.InitStd, option, n.Norm.Name, got, g.Std, k+1)
			}
		}
	}
	if n := strings.Count(string(spec), "toNumber(datum.c1) === at"); len(tables) != 1 || n != len(e.States[0].Figure.Panels) {
		t.Errorf("%d tables, %d panels follow the slider; want one table, all panels", len(tables), n)
	}
	picture, err := e.PNG()
	if err != nil {
		t.Fatal(err)
	}
	still, err := e.States[e.Start].Figure.PNG()
	if err != nil || string(picture) != string(still) {
		t.Errorf("the picture is not that of the start (%v)", err)
	}
}

func TestExplorerRefuses(t *testing.T) {
	for want, e := range map[string]*plot.Explorer{
		"Explorer.Start":     chart.SignalExplorer(nil, nil, bnlib.Article(1)),
		"Explorer.Slider":    {States: make([]plot.State, 2)}, // nowhere to move
		"Explorer.States[1]": {Slider: plot.Slider{Max: 1, Step: 1}, States: []plot.State{{Figure: &plot.Figure{}}, {Figure: &plot.Figure{Panels: make([]plot.Panel, 1)}}}},
		"no curves": {Slider: plot.Slider{Max: 1, Step: 1}, States: []plot.State{
			{Figure: &plot.Figure{Panels: make([]plot.Panel, 1)}}, {Figure: &plot.Figure{Panels: make([]plot.Panel, 1)}},
		}},
	} {
		if _, err := e.VegaLite(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error about %s", err, want)
		}
	}
}
