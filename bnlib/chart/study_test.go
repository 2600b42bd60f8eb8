package chart_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"batchnorm/bnlib"
	"batchnorm/bnlib/chart"
	"batchnorm/bnlib/claims"
	"batchnorm/bnlib/internal/vegalite"
	"batchnorm/bnlib/plot"
)

// tested returns a run with the given accuracy on the test images that answers the given class for nearly all of them, or
// -1: all classes alike.
func tested(seed uint64, test float64, class int, loss float64) *bnlib.Run {
	run := &bnlib.Run{Test: test, Points: []bnlib.Point{{Step: 10, Loss: loss, Accuracy: test}}, Losses: make([]float32, 10)}
	run.Network.Experiment, run.Network.Norm = bnlib.Article(2), bnlib.None
	run.Network.Seed, run.Network.Steps = seed, 10
	for i := range run.Answers {
		run.Answers[i] = 10
	}
	if class >= 0 {
		run.Answers[class] = 100000
	}
	return run
}

// small is a study of experiment 2: without batch normalization one network is right, one constant and one not finite.
func small() map[int]bnlib.Replicates {
	return map[int]bnlib.Replicates{2: {
		Experiment: bnlib.Article(2),
		Plain:      bnlib.Sample{tested(1, .9, -1, .1), tested(2, .1135, 1, 2.3), tested(3, .098, 0, math.NaN())},
		BatchNorm:  bnlib.Sample{tested(1, .97, -1, .1), tested(2, .96, -1, .1), tested(3, .98, -1, .1)},
	}}
}

func TestStudy(t *testing.T) {
	table := chart.Study(small())
	const want = "2|0.05|0.01|sigmoid|.8570|.1135 (.0980 to .9000)|.9700|.9700 (.9600 to .9800)|2 of 3"
	if len(table.Rows) != 1 || !strings.HasPrefix(strings.Join(table.Rows[0], "|"), want) || table.Rows[0][9] != "0 of 3" {
		t.Errorf("rows %v, want %s and no collapse with batch normalization", table.Rows, want)
	}
	if !strings.Contains(table.Caption, "median (smallest to largest) of 3 seeds, 10 steps.") {
		t.Errorf("caption %q", table.Caption)
	}
	begun := small()
	begun[2].Plain[0].Status, begun[2].Plain[0].Test = bnlib.Cancelled, math.NaN()
	table = chart.Study(begun)
	if got := table.Rows[0][8]; !strings.HasPrefix(got, "2 of 2") {
		t.Errorf("collapsed: %s", got)
	}
	if !strings.Contains(table.Caption, "without the 1 run that did not come to the end") {
		t.Errorf("caption %q", table.Caption)
	}
}

func TestStudyOfRecording(t *testing.T) {
	table := chart.Study(recordedEight())
	if len(table.Rows) != 8 {
		t.Fatalf("%d rows, want 8", len(table.Rows))
	}
	for i, row := range table.Rows {
		if len(row) != len(table.Header) {
			t.Errorf("row %d has %d cells, the header %d", i, len(row), len(table.Header))
		}
		if article := bnlib.ArticleReported[i+1]; row[4] != bnlib.FormatAccuracy(article.PlainTest) || row[6] != bnlib.FormatAccuracy(article.BatchNormTest) {
			t.Errorf("row %d says the article has %s and %s", i, row[4], row[6])
		}
	}
	// Without batch normalization the large rate kills the units of experiment 3, and large weights give NaN in 5 and 7.
	for i, want := range map[int]string{0: "0 of 3", 2: "3 of 3", 4: "3 of 3", 6: "3 of 3"} {
		if got := table.Rows[i][8]; !strings.HasPrefix(got, want) {
			t.Errorf("experiment %d, collapsed without: %s, want %s", i+1, got, want)
		}
	}
}

func TestVerdicts(t *testing.T) {
	study := claims.Study{Article: recordedEight()}
	covered := slices.DeleteFunc(slices.Clone(claims.Claims), func(c claims.Claim) bool { return !study.Covers(c) })
	table := chart.Verdicts(study.Article)
	if len(table.Rows) != len(covered) || len(covered) < 15 {
		t.Fatalf("%d rows for %d claims", len(table.Rows), len(covered))
	}
	for i, c := range covered {
		v, err := c.Judge(study)
		if err != nil {
			t.Fatal(err)
		}
		if row := table.Rows[i]; row[1] != c.Text || row[3] != v.Outcome.String() || row[4] != v.Evidence {
			t.Errorf("row %d is %v, want %s: %s, %s", i, row, c.Text, v.Outcome, v.Evidence)
		}
	}
	for _, e := range claims.Others() {
		study.Others = append(study.Others, bnlib.Replicates{Experiment: e, Plain: study.Article[1].Plain, BatchNorm: study.Article[1].BatchNorm})
	}
	if rows := chart.Verdicts(study.Article, study.Others...).Rows; len(rows) != len(claims.Claims) {
		t.Errorf("%d rows for %d claims", len(rows), len(claims.Claims))
	}
	if html := table.HTML(); strings.Contains(html, "text-align:right") {
		t.Error("words are set flush right")
	}

	// A study of one experiment has the claims that it can judge.
	var alone []string
	for _, c := range claims.Claims {
		if (claims.Study{Article: small()}).Covers(c) {
			alone = append(alone, c.Text)
		}
	}
	rows := chart.Verdicts(small()).Rows
	if len(rows) != len(alone) || len(alone) < 4 {
		t.Errorf("%d rows of experiment 2 alone, want the %d claims that need no other", len(rows), len(alone))
	}
	for i, row := range rows {
		if row[1] != alone[i] {
			t.Errorf("row %d: %v", i, row)
		}
	}
	begun := small()
	begun[2].BatchNorm[2].Status = bnlib.Cancelled
	for _, row := range chart.Verdicts(begun).Rows {
		if row[0] == "2" && (row[3] != "untested" || row[4] != "a run of experiment 2 is cancelled; allowed: runs that are done") {
			t.Errorf("with a cancelled run: %s, %s", row[3], row[4])
		}
	}
}

func TestDots(t *testing.T) {
	figure := chart.Dots(small())
	if want := "Test accuracy: in 1 of 1 experiment every seed with batch norm is above every seed without by more than 0.01"; figure.Title != want {
		t.Errorf("title %q, want %q", figure.Title, want)
	}
	for i, p := range figure.Panels {
		plain, bn, article := p.Scatters[0], p.Scatters[1], p.Scatters[2]
		if len(plain.X) != 3 || len(bn.X) != 3 || len(article.X) != 2 || !article.Cross {
			t.Fatalf("panel %d has %d, %d and %d points", i, len(plain.X), len(bn.X), len(article.X))
		}
		want := [2]float64{.97, bnlib.ArticleReported[2].BatchNormTest}
		if i == 1 {
			want = [2]float64{1 - want[0], 1 - want[1]}
		}
		if bn.X[0] != want[0] || article.X[1] != want[1] {
			t.Errorf("panel %d: %v and %v, want %v", i, bn.X[0], article.X[1], want)
		}
		if plain.Color != plot.Orange.Color || bn.Color != plot.Blue.Color || bn.Y[0] >= plain.Y[0] {
			t.Errorf("panel %d: colours %s and %s, lines %v and %v", i, plain.Color, bn.Color, plain.Y[0], bn.Y[0])
		}
	}
	if got := figure.Panels[0].Scatters[0].Details[1]; got != "experiment 2, without batch norm: .1135 with seed 2" {
		t.Errorf("detail %q", got)
	}
	// A lead of an image or two is none, and neither is one among networks that have learned nothing.
	tied, failed := small(), small()
	tied[2].Plain[2].Test = .955
	for i := range failed[2].BatchNorm {
		failed[2].BatchNorm[i].Test, failed[2].Plain[i].Test = .1135, .0958
	}
	for name, study := range map[string]map[int]bnlib.Replicates{"tied": tied, "failed": failed} {
		if title := chart.Dots(study).Title; !strings.HasPrefix(title, "Test accuracy: in 0 of 1 experiment") {
			t.Errorf("%s: %s", name, title)
		}
	}
	for _, study := range []map[int]bnlib.Replicates{nil, {12: {}}} {
		figure := chart.Dots(study)
		vegalite.Of(t, figure)
		if _, err := figure.PNG(); err != nil {
			t.Error(err)
		}
	}
}
