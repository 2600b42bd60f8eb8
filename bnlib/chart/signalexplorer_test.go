package chart_test

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"batchnorm/bnlib"
	"batchnorm/bnlib/chart"

	"github.com/gomlx/gomlx/ml/layers/activation"
)

// TestSignalExplorer moves the slider and the choice as the specification's own expressions do.
func TestSignalExplorer(t *testing.T) {
	networks, snapshots := initial()
	e := chart.SignalExplorer(networks, snapshots, bnlib.Article[6])
	if len(e.States) != 4 || e.Slider != (chart.Slider{Label: e.Slider.Label, Min: -1.3, Max: 1, Step: 2.3}) {
		t.Fatalf("%d states, slider %+v", len(e.States), e.Slider)
	}
	if got := e.Title(); !strings.Contains(got, "std 10, sigmoid") {
		t.Errorf("starts with %q", got)
	}
	spec, err := e.VegaLite()
	if err != nil {
		t.Fatal(err)
	}
	checkSpec(t, spec)
	var s struct {
		Params []struct {
			Name  string
			Value any
			Bind  any
		}
		Concat []struct {
			Data struct {
				Values []struct {
					At, X, Y float64
					Name     string
				}
			}
			Transform []struct{ Filter string }
		}
	}
	if err := json.Unmarshal(spec, &s); err != nil {
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
		name := map[bool]string{true: "with batch norm", false: "without batch norm"}[n.BatchNorm]
		var got []float64
		for _, row := range s.Concat[0].Data.Values {
			if row.At == float64(at) && row.Name == name {
				got = append(got, row.Y)
			}
		}
		for k, g := range preActivations(snapshots[i]) {
			if k >= len(got) || math.Abs(got[k]/g.Std-1) > 1e-5 {
				t.Errorf("std %v, %s, %s: std by layer %v, want %v in layer %d", n.InitStd, option, name, got, g.Std, k+1)
			}
		}
	}
	for i, view := range s.Concat {
		if len(view.Transform) == 0 || view.Transform[0].Filter != "datum.at === at" {
			t.Errorf("panel %d shows all states at once", i)
		}
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
	networks, snapshots := initial()
	for want, e := range map[string]*chart.Explorer{
		"Explorer.Start":     chart.SignalExplorer(nil, nil, bnlib.Article[1]),
		"Explorer.Slider":    chart.SignalExplorer(networks[:2], snapshots, bnlib.Article[1]), // nowhere to move
		"Explorer.States[1]": {Slider: chart.Slider{Max: 1, Step: 1}, States: []chart.State{{Figure: &chart.Figure{}}, {Figure: &chart.Figure{Panels: make([]chart.Panel, 1)}}}},
		"no curves":          {Slider: chart.Slider{Max: 1, Step: 1}, States: []chart.State{{Figure: &chart.Figure{Panels: make([]chart.Panel, 1)}}}},
	} {
		if _, err := e.VegaLite(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error about %s", err, want)
		}
	}
}
