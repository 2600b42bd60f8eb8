package chart_test

import (
	"flag"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"batchnorm/bnlib"
	"batchnorm/bnlib/chart"
	"batchnorm/bnlib/internal/vegalite"
	"batchnorm/bnlib/plot"

	"gonum.org/v1/plot/cmpimg"
)

var update = flag.Bool("update", false, "write the golden pictures and specifications in testdata anew")

// golden names the figures whose pictures are compared with testdata; the others are only drawn.
var golden = []string{"accuracy", "error", "training", "early", "diverged", "collapsed", "variants", "bands", "bands_diverged", "sizes_sigmoid", "units_sigmoid",
	"profile", "multiples", "seeds_one", "seeds", "distributions"}

func figures() map[string]*plot.Figure {
	one, seven := recorded("experiment1"), recorded("experiment7")
	all := map[string]*plot.Figure{
		"accuracy":  chart.Accuracy(one...).Reference(.9800, "the article, with: .9800", plot.Blue),
		"error":     chart.Error(one...),
		"loss":      chart.Loss(one...),
		"closeup":   chart.CloseUp(3000, one...),
		"training":  chart.Training(one...),
		"early":     chart.Training(until(4000, one)...),
		"begun":     chart.Training(until(0, one)...),
		"empty":     chart.Training(until(-1, one)...),
		"diverged":  chart.Training(seven...),
		"collapsed": chart.Accuracy(seven...),
		"stacked":   plot.Column(chart.Accuracy(one...), chart.Error(one...)),
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
		run.Network.Name, run.Network.Norm = name, normOf(i%2 == 0)
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
			if most := 45_000 + 10_000*max(1, len(figure.Panels)/2); len(picture) > most {
				t.Errorf("PNG is %d bytes, want at most %d", len(picture), most)
			}
			vegalite.Of(t, figure)
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
	for name, e := range explorers() {
		spec, err := e.VegaLite()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "moving_"+name+".json"), spec, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEveryEvaluationIsInTheData(t *testing.T) {
	for _, run := range recorded("experiment7") {
		tables, err := vegalite.Tables(vegalite.Of(t, chart.Training(run)))
		if err != nil {
			t.Fatal(err)
		}
		// Both panels draw the same steps: one table, with accuracy, training and validation loss.
		if rows := tables["data0"]; len(tables) != 1 || len(rows) != len(run.Points) || len(rows[0]) != 4 {
			t.Errorf("%d tables, %d rows of %v for %d evaluations", len(tables), len(rows), rows[0], len(run.Points))
		}
	}
}

// broken returns a run with the given validation losses at steps 0, 10, 20, ... and the accuracy .5 at each.
func broken(divergedAt int, losses ...float64) *bnlib.Run {
	run := &bnlib.Run{DivergedAt: divergedAt}
	run.Network.Norm, run.Network.Steps, run.Network.Every = bnlib.None, 10*(len(losses)-1), 10
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
		marks []plot.Mark // X, Y of the loss panel, and Text
	}{
		{"none", broken(0, 2, 1, .5), nil},
		{"at the end", broken(13, 2, 1, nan, nan), []plot.Mark{{X: 13, Y: 1, Text: "diverged at step 13"}}},
		{"training loss unknown", broken(0, 2, 1, inf), []plot.Mark{{X: 20, Y: 1, Text: "diverged at step 20"}}},
		{"from the first", broken(1, inf, nan), []plot.Mark{{X: 1, Y: nan, Text: "diverged at step 1"}}},
		{"recovered", broken(0, 2, inf, .5), []plot.Mark{{X: 10, Y: 2, Text: "loss not finite at step 10"}}},
		{"between evaluations", broken(15, 2, 1, .5), []plot.Mark{{X: 15, Y: 1, Text: "training loss not finite at step 15"}}},
		{"twice", broken(5, 2, nan, 1, nan), []plot.Mark{
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
			vegalite.Of(t, figure)
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
	for _, f := range []*plot.Figure{chart.Accuracy(one...), chart.Loss(one[1], one[0]), chart.Error(variants()...)} {
		for _, s := range f.Panels[0].Series {
			with := strings.Contains(s.Name, "Experiment 1, with batch norm") || s.Name == "with batch norm"
			without := strings.Contains(s.Name, "without batch norm")
			blue := s.Style.Color == plot.Blue.Color
			orange := s.Style.Color == plot.Orange.Color
			if blue != with || orange != without {
				t.Errorf("%q has the colour %s", s.Name, s.Style.Color)
			}
		}
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
