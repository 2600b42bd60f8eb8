package show

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"batchnorm/bnlib"
)

func TestSummary(t *testing.T) {
	for _, c := range []struct {
		p    bnlib.Progress
		want string
	}{
		{bnlib.Progress{Stage: bnlib.Compiling, Elapsed: 300 * time.Millisecond}, "compiling the training program (0.3 s so far)"},
		{bnlib.Progress{Stage: bnlib.Training, Steps: 50000}, "step 0 of 50,000"},
		{bnlib.Progress{Stage: bnlib.Training, Step: 1500, Steps: 50000, StepsPerSecond: 2890.4, Remaining: 33400 * time.Millisecond},
			"step 1,500 of 50,000 · 2,890 network-steps/s · 33 s left"},
		{bnlib.Progress{Stage: bnlib.Training, Step: 1, Steps: 9, StepsPerSecond: 1, Remaining: 10 * time.Minute},
			"step 1 of 9 · 1 network-steps/s · 10 min left"},
		{bnlib.Progress{Stage: bnlib.Done, Elapsed: 34 * time.Second}, "done in 34.0 s"},
	} {
		if got := summary(c.p); got != c.want {
			t.Errorf("%+v: %q, want %q", c.p, got, c.want)
		}
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 50000: "50,000", 1234567: "1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

// TestFrame checks the live view of a training that has just begun and of one under way.
func TestFrame(t *testing.T) {
	run := &bnlib.Run{Network: bnlib.Network{Experiment: bnlib.Article(1), Norm: bnlib.Batch}, Status: bnlib.Running}
	f := frame{bnlib.Progress{Stage: bnlib.Compiling, Runs: []*bnlib.Run{run}, Total: 100}, NewLive()}
	if got := f.html(); !strings.Contains(got, "compiling") || strings.Contains(got, "<img") {
		t.Errorf("while compiling: %s", got)
	}
	run.Points = []bnlib.Point{{Step: 0, Loss: 2.3, Accuracy: .1}, {Step: 500, Loss: .4, Accuracy: .9104}}
	run.StepsPerSecond = 1000
	f.Stage, f.Step, f.Steps, f.Done = bnlib.Training, 500, 50000, 1
	got := f.html()
	for _, want := range []string{`<progress max="100" value="1"`, "step 500 of 50,000", "data:image/png;base64,", ".9104", "with batch norm"} {
		if !strings.Contains(got, want) {
			t.Errorf("in training: no %q", want)
		}
	}
}

// TestNotStored trains where nothing can be stored: what was asked for is there, and no error withholds it.
func TestNotStored(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv(bnlib.StoreEnv, filepath.Join(file, "runs"))
	e := bnlib.Article(1)
	e.Hidden, e.Steps, e.Every = []int{8}, 4, 2
	runs, err := Compare(e)
	if err != nil || len(runs) != 2 || runs[1].Status != bnlib.Finished || len(runs[1].Losses) != 4 {
		t.Errorf("%v, %v", runs, err)
	}
	grid, err := Grid(bnlib.Grid{Base: e, Axes: []bnlib.Axis{bnlib.Rate(.1, .2)}})
	if err != nil || done(grid.Runs) != 4 {
		t.Errorf("%v, %v", grid, err)
	}
}

func TestStopped(t *testing.T) {
	all := []*bnlib.Run{{Status: bnlib.Finished}, {Status: bnlib.Cancelled}, {Status: bnlib.Diverged}}
	for want, got := range map[string]string{
		"all networks are done": stopped(all[2:], context.Canceled),
		"no network was done":   stopped(all[1:2], context.Canceled),
		"2 of 3 networks are done and stored; run the cell again":        stopped(all, context.Canceled),
		"2 of 3 networks are done, but not all of these could be stored": stopped(all, errors.Join(context.Canceled, bnlib.ErrNotStored)),
	} {
		if !strings.HasPrefix(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
