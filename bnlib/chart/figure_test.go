package chart_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"image/png"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"batchnorm/bnlib"
	"batchnorm/bnlib/chart"

	"gonum.org/v1/plot/cmpimg"
)

var update = flag.Bool("update", false, "write the golden pictures and specifications in testdata anew")

// golden names the figures whose pictures are compared with testdata; the others are only drawn.
var golden = []string{"accuracy", "error", "training", "early", "diverged", "collapsed", "variants", "bands", "bands_diverged", "sizes_sigmoid", "units_sigmoid",
	"profile", "multiples", "seeds_one", "seeds"}

func figures() map[string]*chart.Figure {
	one, seven := recorded("experiment1"), recorded("experiment7")
	all := map[string]*chart.Figure{
		"accuracy":  chart.Accuracy(one...).Reference(.9800, "the article, with: .9800", "with batch norm"),
		"error":     chart.Error(one...),
		"loss":      chart.Loss(one...),
		"closeup":   chart.CloseUp(3000, one...),
		"training":  chart.Training(one...),
		"early":     chart.Training(until(4000, one)...),
		"begun":     chart.Training(until(0, one)...),
		"empty":     chart.Training(until(-1, one)...),
		"diverged":  chart.Training(seven...),
		"collapsed": chart.Accuracy(seven...),
		"stacked":   chart.Column(chart.Accuracy(one...), chart.Error(one...)),
		"variants":  chart.Error(variants()...),
	}
	maps.Copy(all, insideFigures())
	return all
}

// variants are runs of six experiments: the recorded pair, and curves between the two.
func variants() []*bnlib.Run {
	runs := recorded("experiment1")
	for i, name := range []string{"layer norm", "mean only", "variance only", "before the activation"} {
		run := *runs[i%2]
		run.Network.Name, run.Network.BatchNorm = name, i%2 == 0
		run.Points = append([]bnlib.Point{}, run.Points...)
		for k := range run.Points {
			run.Points[k].Accuracy = 1 - min(.9, (1-run.Points[k].Accuracy)*(1.15+0.2*float64(i)))
		}
		runs = append(runs, &run)
	}
	return runs
}

func TestGolden(t *testing.T) {
	for name, figure := range allFigures() {
		t.Run(name, func(t *testing.T) {
			picture, err := figure.PNG()
			if err != nil {
				t.Fatal(err)
			}
			if most := 60_000 + 20_000*max(1, len(figure.Panels)/2); len(picture) > most {
				t.Errorf("PNG is %d bytes, want at most %d", len(picture), most)
			}
			spec, err := figure.VegaLite()
			if err != nil {
				t.Fatal(err)
			}
			checkSpec(t, spec)
			if !slices.Contains(slices.Concat(golden, goldenCells), name) {
				return
			}
			path := filepath.Join("testdata", name+"_golden.png")
			if *update {
				if err := os.WriteFile(path, picture, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if ok, err := cmpimg.EqualApprox("png", picture, want, 0.1); err != nil || !ok {
				got := filepath.Join(t.ArtifactDir(), name+".png")
				if err := os.WriteFile(got, picture, 0o644); err != nil {
					t.Error(err)
				}
				t.Errorf("differs from %s (%v); to look at it, go test -artifacts; to accept it, go test -update", path, err)
			}
		})
	}
}

// TestWriteSpecs writes the specifications of all golden figures into a folder, to be drawn by Vega-Lite itself:
//
//	CHART_SPECS=folder go test ./bnlib/chart -run WriteSpecs
func TestWriteSpecs(t *testing.T) {
	folder := os.Getenv("CHART_SPECS")
	if folder == "" {
		t.Skip("CHART_SPECS not set")
	}
	all := allFigures()
	maps.Copy(all, oddFigures())
	for name, figure := range all {
		spec, err := figure.VegaLite()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name+".json"), spec, 0o644); err != nil {
			t.Fatal(err)
		}
		picture, err := figure.PNG()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// checkSpec checks what can be known of a specification without Vega-Lite.
func checkSpec(t *testing.T, spec []byte) {
	t.Helper()
	var top map[string]any
	if err := json.Unmarshal(spec, &top); err != nil {
		t.Fatal(err)
	}
	if top["$schema"] != "https://vega.github.io/schema/vega-lite/v5.json" {
		t.Errorf("$schema is %v", top["$schema"])
	}
	if n := bytes.Count(spec, []byte("://")); n != 1 {
		t.Errorf("%d URLs, want only $schema's", n)
	}
	if len(spec) > 200_000 {
		t.Errorf("specification of %d bytes", len(spec))
	}
	names := map[any]bool{}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case nil:
			t.Error("a null, which the pipe to a notebook's kernel cannot carry")
		case []any:
			for _, w := range v {
				walk(w)
			}
		case map[string]any:
			if _, ok := v["mark"]; ok {
				names[v["name"]] = true
				if v["encoding"] == nil {
					t.Errorf("mark without encoding: %v", v["mark"])
				}
			}
			if url, ok := v["url"].(string); ok && !strings.HasPrefix(url, "data:image/png;base64,") || !ok && v["url"] != nil {
				t.Errorf("data from %v", v["url"])
			}
			for _, w := range v {
				walk(w)
			}
		}
	}
	walk(top)
	params, _ := top["params"].([]any)
	for _, p := range params {
		views, _ := p.(map[string]any)["views"].([]any)
		for _, view := range views {
			if !names[view] {
				t.Errorf("selection %v listens to %v, which is not there", p.(map[string]any)["name"], view)
			}
		}
	}
}

// rows returns the data of each panel's curves in a specification.
func rows(t *testing.T, f *chart.Figure) [][]map[string]any {
	t.Helper()
	raw, err := f.VegaLite()
	if err != nil {
		t.Fatal(err)
	}
	var spec struct {
		Concat []struct {
			Data struct{ Values []map[string]any }
		}
	}
	if err := json.Unmarshal(raw, &spec); err != nil {
		t.Fatal(err)
	}
	var out [][]map[string]any
	for _, panel := range spec.Concat {
		out = append(out, panel.Data.Values)
	}
	return out
}

func TestEveryEvaluationIsInTheData(t *testing.T) {
	runs := recorded("experiment7")
	for _, run := range runs {
		for _, panel := range rows(t, chart.Training(run)) {
			var main int
			for _, row := range panel {
				if row["faint"] == nil {
					main++
				}
			}
			if main != len(run.Points) {
				t.Errorf("%d rows for %d evaluations", main, len(run.Points))
			}
		}
	}
}

// broken returns a run with the given validation losses at steps 0, 10, 20, ... and the accuracy .5 at each.
func broken(divergedAt int, losses ...float64) *bnlib.Run {
	run := &bnlib.Run{DivergedAt: divergedAt}
	run.Network.Steps, run.Network.Every = 10*(len(losses)-1), 10
	for i, loss := range losses {
		run.Points = append(run.Points, bnlib.Point{Step: 10 * i, Loss: loss, Accuracy: .5})
	}
	return run
}

func TestDivergenceIsMarked(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	tests := []struct {
		name  string
		run   *bnlib.Run
		marks []chart.Mark // X, Y of the loss panel, and Text
	}{
		{"none", broken(0, 2, 1, .5), nil},
		{"at the end", broken(13, 2, 1, nan, nan), []chart.Mark{{X: 13, Y: 1, Text: "diverged at step 13"}}},
		{"training loss unknown", broken(0, 2, 1, inf), []chart.Mark{{X: 20, Y: 1, Text: "diverged at step 20"}}},
		{"from the first", broken(1, inf, nan), []chart.Mark{{X: 1, Y: nan, Text: "diverged at step 1"}}},
		{"recovered", broken(0, 2, inf, .5), []chart.Mark{{X: 10, Y: 2, Text: "loss not finite at step 10"}}},
		{"between evaluations", broken(15, 2, 1, .5), []chart.Mark{{X: 15, Y: 1, Text: "training loss not finite at step 15"}}},
		{"twice", broken(5, 2, nan, 1, nan), []chart.Mark{
			{X: 5, Y: 2, Text: "loss not finite at step 5"}, {X: 30, Y: 1, Text: "diverged at step 30"},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			figure := chart.Loss(test.run)
			got := figure.Panels[0].Marks
			if len(got) != len(test.marks) {
				t.Fatalf("marks %v, want %v", got, test.marks)
			}
			for i, want := range test.marks {
				same := got[i].Y == want.Y || math.IsNaN(got[i].Y) && math.IsNaN(want.Y)
				if got[i].X != want.X || !same || got[i].Text != want.Text {
					t.Errorf("mark %v, want %v", got[i], want)
				}
			}
			spec, err := figure.VegaLite()
			if err != nil {
				t.Fatal(err)
			}
			checkSpec(t, spec)
			if _, err := figure.PNG(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTitlesSayWhatToSee(t *testing.T) {
	one := recorded("experiment1")
	begun := until(-1, one)
	tests := []struct{ name, got, want string }{
		{"none", chart.Accuracy().Title, "Validation accuracy: not evaluated yet"},
		{"not evaluated", chart.Accuracy(begun...).Title, "Experiment 1, validation accuracy: not evaluated yet"},
		{"diverged", chart.Loss(broken(13, 2, 1, math.NaN())).Title, "Validation loss after 20 steps: without batch norm diverged at step 13"},
		{"one", chart.Error(broken(0, 2, 1)).Title, "Validation error after 10 steps: without batch norm 50.00%"},
	}
	for _, test := range tests {
		if test.got != test.want {
			t.Errorf("%s: title %q, want %q", test.name, test.got, test.want)
		}
	}
}

func TestPairLooksTheSameInEveryFigure(t *testing.T) {
	one := recorded("experiment1")
	for _, f := range []*chart.Figure{chart.Accuracy(one...), chart.Loss(one[1], one[0]), chart.Error(variants()...)} {
		for _, s := range f.Panels[0].Series {
			with := strings.Contains(s.Name, "Experiment 1, with batch norm") || s.Name == "with batch norm"
			without := strings.Contains(s.Name, "without batch norm")
			blue := s.Style.Color == chart.WithBatchNorm.Color
			orange := s.Style.Color == chart.WithoutBatchNorm.Color
			if blue != with || orange != without {
				t.Errorf("%q has the colour %s", s.Name, s.Style.Color)
			}
		}
	}
}

// Whatever a reader writes into a Figure, it is drawn.
func TestOddFigures(t *testing.T) {
	for name, figure := range oddFigures() {
		t.Run(name, func(t *testing.T) {
			picture, err := figure.PNG()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := png.Decode(bytes.NewReader(picture)); err != nil {
				t.Error(err)
			}
			spec, err := figure.VegaLite()
			if err != nil {
				t.Fatal(err)
			}
			checkSpec(t, spec)
		})
	}
}

func oddFigures() map[string]*chart.Figure {
	nan, inf := math.NaN(), math.Inf(1)
	return map[string]*chart.Figure{
		"nothing":         {},
		"no series":       {Panels: []chart.Panel{{}}},
		"no points":       {Panels: []chart.Panel{{Series: []chart.Series{{Name: "a"}}}}},
		"one point":       {Panels: []chart.Panel{{Series: []chart.Series{{X: []float64{3}, Y: []float64{4}}}}}},
		"all missing":     {Panels: []chart.Panel{{Series: []chart.Series{{X: []float64{1, nan, inf}, Y: []float64{nan, 1, inf}}}}}},
		"zero on log":     {Panels: []chart.Panel{{Y: chart.Axis{Log: true}, Series: []chart.Series{{X: []float64{1, 2}, Y: []float64{0, -1}}}}}},
		"huge on log":     {Panels: []chart.Panel{{Y: chart.Axis{Log: true}, Series: []chart.Series{{X: []float64{1, 2}, Y: []float64{1e-300, 1e300}}}}}},
		"huge":            {Panels: []chart.Panel{{Series: []chart.Series{{X: []float64{1, 2}, Y: []float64{-1e308, 1e308}}}}}},
		"unequal lengths": {Panels: []chart.Panel{{Series: []chart.Series{{X: []float64{1, 2, 3}, Y: []float64{1}}}}}},
		"constant":        {Panels: []chart.Panel{{Series: []chart.Series{{X: []float64{1, 2}, Y: []float64{1e9, 1e9}}}}}},
		"tiny range":      {Panels: []chart.Panel{{Series: []chart.Series{{X: []float64{1, 2}, Y: []float64{1, 1 + 1e-12}}}}}},
		"log limits of 0": {Panels: []chart.Panel{{Y: chart.Axis{Log: true, Min: 0, Max: 1}}}},
		"band only":       {Panels: []chart.Panel{{Series: []chart.Series{{X: []float64{1, 2}, Y: []float64{nan, nan}, Bands: []chart.Band{{Low: []float64{1, 2}, High: []float64{3, 1}}}}}}}},
		"short band":      {Panels: []chart.Panel{{Series: []chart.Series{{X: []float64{1, 2, 3}, Y: []float64{1, 2, 3}, Bands: []chart.Band{{Low: []float64{1}}, {}}}}}}},
		"no band":         {Panels: []chart.Panel{{Y: chart.Axis{Log: true}, Series: []chart.Series{{X: []float64{1, 2}, Y: []float64{1, 2}, Bands: []chart.Band{{Low: []float64{nan, inf}, High: []float64{1, -1}}}}}}}},
		"rule only":       {Panels: []chart.Panel{{Rules: []chart.Rule{{Y: 3, Text: "three"}, {Y: nan}}}}},
		"mark only":       {Panels: []chart.Panel{{Marks: []chart.Mark{{X: 3, Y: nan, Text: "three"}, {X: inf}}}}},
		"long words":      {Title: strings.Repeat("very long ", 40), Subtitle: strings.Repeat("x", 400), Panels: []chart.Panel{{}}},
		"more columns":    {Columns: 9, Panels: []chart.Panel{{}, {}}},
		"narrow":          {Width: 1, Height: 1, Panels: []chart.Panel{{}, {}}},
	}
}

func BenchmarkPNG(b *testing.B) {
	figure := chart.Training(recorded("experiment1")...)
	for b.Loop() {
		picture, err := figure.PNG()
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(picture)), "bytes")
	}
}

func BenchmarkVegaLite(b *testing.B) {
	figure := chart.Training(recorded("experiment1")...)
	for b.Loop() {
		spec, err := figure.VegaLite()
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(spec)), "bytes")
	}
}

func BenchmarkDescribe(b *testing.B) {
	runs := recorded("experiment1")
	for b.Loop() {
		chart.Training(runs...)
	}
}
