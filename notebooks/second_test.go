package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"batchnorm/bnlib/host"
)

// BenchmarkAnswer measures how long a reader waits for a cell that was changed, through the real kernel, over the functions that a page
// declares: the median of five, in seconds. What trains is measured to its first point: until a figure that has it is on the page.
//
//	go test ./notebooks -run '^$' -bench Answer -benchtime 1x
//
// The second kernel finds what XLA compiled for the first, but no run.
func BenchmarkAnswer(b *testing.B) {
	w := testWorkbook(b)
	if err := w.setup(b.Context(), soon); err != nil {
		b.Fatal(err)
	}
	const declared = `%noautoget
import (
	"context"
	"fmt"
	"os"

	"batchnorm/bnlib"
	"batchnorm/bnlib/chart"
	"batchnorm/bnlib/show"

	"github.com/janpfeifer/must"
)

func first() bnlib.Experiment {
	e := bnlib.Article(1)
	e.Steps, e.Every = 3000, 50
	return e
}

// live shows the first point of both networks, and that is all.
type live struct{ *show.Live }

func (l live) Record(p bnlib.Progress) {
	l.Live.Record(p)
	if p.Stage == bnlib.Training && len(p.Runs[0].Points) > 0 && len(p.Runs[1].Points) > 0 {
		must.M(l.Finish(p.Runs, nil))
		os.Exit(0)
	}
}

func firstPoint(e bnlib.Experiment) {
	must.M1(bnlib.Compare(context.Background(), e, &bnlib.Options{Recorder: live{show.NewLive()}}))
}`
	const again = 5
	b.Setenv(host.RunsEnv, b.TempDir())
	b.Setenv(host.ProgramsEnv, b.TempDir())
	kinds := []struct{ name, cell string }{
		{"s/line", "%%\nfmt.Println(\"line\", NUMBER)"},
		{"s/first-point-of-a-fresh-pair", "%%\ne := first()\ne.Hidden = []int{100 + NUMBER}\nfirstPoint(e)"},
		{"s/first-point-of-new-numbers", "%%\ne := first()\ne.LearningRate = 0.01 + 0.001*NUMBER\nfirstPoint(e)"},
		{"s/read-and-draw", "%%\nmust.M(show.Figure(chart.Training(must.M1(bnlib.Compare(context.Background(), first(), nil))...)))\n// NUMBER"},
	}
	cells := []string{declared, "%%\nmust.M1(bnlib.Compare(context.Background(), first(), nil))"}
	for _, kind := range kinds {
		for i := range again {
			cells = append(cells, strings.ReplaceAll(kind.cell, "NUMBER", fmt.Sprint(i+1)))
		}
	}
	for b.Loop() {
		path := filepath.Join(b.TempDir(), "answer.ipynb")
		writeBook(b, path, cells...)
		took := make([]time.Duration, len(cells))
		err := w.execute(b.Context(), path, path, false, func(cell, _ int, t time.Duration) { took[cell-1] = t })
		if err != nil {
			b.Fatal(err)
		}
		for k, kind := range kinds {
			times := took[2+k*again:][:again]
			slices.Sort(times)
			b.ReportMetric(times[again/2].Seconds(), kind.name)
		}
	}
}

// TestOtherJupyter runs a page with a Jupyter that knows nothing of the workbook but where its kernel is.
func TestOtherJupyter(t *testing.T) {
	w := ready(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "page.ipynb")
	writeBook(t, path, firstCell+`fmt.Println("sees", host.DirEnv, len(os.Args))`)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, w.python(), "-m", "nbconvert", "--to", "notebook", "--execute", "--output", "result", path)
	// Of ours it has the kernel alone.
	cmd.Env = slices.DeleteFunc(w.env("JUPYTER_PATH="+w.jupyter("data"), "HOME="+dir, "GOCACHE="+goEnv(ctx, w.root, "GOCACHE"),
		"GOMODCACHE="+goEnv(ctx, w.root, "GOMODCACHE"), "GOENV="+goEnv(ctx, w.root, "GOENV")), func(s string) bool {
		return strings.HasPrefix(s, "JUPYTER_") && !strings.HasPrefix(s, "JUPYTER_PATH=") || strings.HasPrefix(s, "IPYTHONDIR=")
	})
	cmd.Dir = w.folder()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(dir, "result.ipynb"))
	if err != nil || !strings.Contains(string(text), "sees "+host.DirEnv) {
		t.Errorf("%v\n%s", err, text)
	}
}
