package show

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"batchnorm/bnlib"
	"batchnorm/bnlib/chart"
	"batchnorm/bnlib/plot"
	"batchnorm/bnlib/probe"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/protocol"
)

// Compare trains the two networks of an experiment, without and with batch normalization, in a live view, or takes their
// runs from the store, and leaves the finished figure. See Train and bnlib.Compare.
func Compare(e bnlib.Experiment) ([]*bnlib.Run, error) {
	return watch(NewLive(), func(ctx context.Context, o *bnlib.Options) ([]*bnlib.Run, error) {
		return bnlib.Compare(ctx, e, o)
	})
}

// Train trains networks in a live view, or takes their runs from the store, and leaves the finished figure.
//
// Interrupting the cell stops the training within about a second, and with it the cell; the view then shows how far it came.
// Networks that were done are stored. Where they cannot be, a line says so, and the runs are returned without an error. See bnlib.Train.
func Train(networks ...bnlib.Network) ([]*bnlib.Run, error) {
	return watch(NewLive(), func(ctx context.Context, o *bnlib.Options) ([]*bnlib.Run, error) {
		return bnlib.Train(ctx, networks, o)
	})
}

// Study trains both networks of experiments with several seeds in a live view, or takes their runs from the store, and leaves
// the finished figure: chart.SeedBands, or that of a function that is given, such as chart.SeedErrors. See Train and bnlib.Study.
func Study(experiments []bnlib.Experiment, seeds int, figure ...func(...bnlib.Replicates) *plot.Figure) ([]bnlib.Replicates, error) {
	live, draw := NewLive(), chart.SeedBands
	if len(figure) > 0 {
		draw = figure[0]
	}
	grid := bnlib.Grid{Axes: []bnlib.Axis{bnlib.Choice(experiments...)}, Seeds: seeds}
	live.figure = func(runs []*bnlib.Run) *plot.Figure {
		return draw((&bnlib.Results{Grid: grid, Runs: runs}).Replicates()...)
	}
	live.table = nil
	var study []bnlib.Replicates
	_, err := watch(live, func(ctx context.Context, o *bnlib.Options) (runs []*bnlib.Run, err error) {
		study, err = bnlib.Study(ctx, experiments, seeds, o)
		for _, r := range study {
			for i := range r.Plain {
				runs = append(runs, r.Plain[i], r.BatchNorm[i])
			}
		}
		return runs, err
	})
	return study, err
}

// Grid trains the networks of a grid in a live view, chart.GridMap, which fills cell by cell, or takes their runs from the store, and
// leaves the finished map. Of a grid of one axis and more than two norms it is chart.NormMap. hooks look inside the networks. See Train
// and bnlib.Grid.
func Grid(g bnlib.Grid, hooks ...probe.Hook) (*bnlib.Results, error) {
	live := NewLive()
	figure := chart.GridMap
	if len(g.Axes) == 1 && len(g.Norms) > 2 {
		figure = chart.NormMap
	}
	live.figure = func(runs []*bnlib.Run) *plot.Figure { return figure(&bnlib.Results{Grid: g, Runs: runs}) }
	live.table = nil
	var results *bnlib.Results
	_, err := watch(live, func(ctx context.Context, o *bnlib.Options) (runs []*bnlib.Run, err error) {
		o.Hooks = hooks
		if results, err = g.Train(ctx, o); results != nil {
			runs = results.Runs
		}
		return runs, err
	})
	return results, err
}

func watch(live *Live, train func(context.Context, *bnlib.Options) ([]*bnlib.Run, error)) ([]*bnlib.Run, error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	runs, err := train(ctx, &bnlib.Options{Recorder: live})
	if ctx.Err() == nil && errors.Is(err, bnlib.ErrNotStored) && done(runs) == len(runs) {
		line("%v. The next cell that asks for it trains it again.", err) // no reason to withhold it
		err = nil
	}
	if shown := live.Finish(runs, err); err == nil {
		err = shown
	}
	leaveIfStopped(ctx)
	return runs, err
}

// leaveIfStopped ends an interrupted cell: whoever stopped it has no use for the panic that an error would end in.
func leaveIfStopped(ctx context.Context) {
	if ctx.Err() != nil && gonbui.IsNotebook {
		os.Exit(interrupted)
	}
}

// interrupted is the exit status of a program that a signal stopped, as shells count.
const interrupted = 130

// Live is a bnlib.Recorder that shows a training on the page while it runs: how far it is, how fast, how long it will take,
// and the curves so far. Finish puts the finished figure in its place.
type Live struct {
	figure func(runs []*bnlib.Run) *plot.Figure
	table  func(runs []*bnlib.Run) *plot.Table // nil: none
	last   func(runs []*bnlib.Run) drawing     // what stays of runs that are done; nil: figure
	share  time.Duration                       // drawing takes one part of the time in so many, at most

	id     string
	frames chan frame // holds the latest frame that is not drawn yet
	over   chan struct{}
	drawn  sync.WaitGroup
	line   time.Time // last line written outside a notebook
}

// frame is a moment of a training. Its runs are copies: what they point to only grows.
type frame struct {
	bnlib.Progress
	*Live
}

// NewLive returns a view that shows nothing yet: a training that is read from the store has none.
func NewLive() *Live {
	return &Live{
		figure: func(runs []*bnlib.Run) *plot.Figure { return chart.Training(runs...) },
		table:  func(runs []*bnlib.Run) *plot.Table { return chart.Results(runs...) },
		share:  drawShare,
	}
}

// Record implements bnlib.Recorder. It draws in the background and skips what it cannot draw in time, so that training
// does not wait for it.
func (l *Live) Record(p bnlib.Progress) {
	if !gonbui.IsNotebook {
		l.text(p)
		return
	}
	if l.frames == nil {
		l.id = cmp.Or(l.id, gonbui.UniqueId())
		l.frames, l.over = make(chan frame, 1), make(chan struct{})
		l.drawn.Go(l.draw)
	}
	runs := make([]*bnlib.Run, len(p.Runs))
	for i, r := range p.Runs {
		run := *r
		runs[i] = &run
	}
	p.Runs = runs
	select {
	case <-l.frames: // superseded
	default:
	}
	l.frames <- frame{p, l}
}

// text writes a line every few seconds.
func (l *Live) text(p bnlib.Progress) {
	if p.Stage == bnlib.Training && time.Since(l.line) < 5*time.Second {
		return
	}
	l.line = time.Now()
	line("%s", summary(p))
}

// A picture costs about as much as a hundred training steps, so drawing takes a tenth of the time at most.
const (
	drawShare  = 10
	drawPeriod = 400 * time.Millisecond
)

func (l *Live) draw() {
	var f frame
	var came time.Time
	var clock <-chan time.Time // ticks while XLA compiles, of which there is no other news
	for {
		select {
		case f = <-l.frames:
			came = time.Now()
		case <-clock:
		case <-l.over:
			return
		}
		start := time.Now()
		at := f.Progress
		if clock = nil; at.Stage == bnlib.Compiling {
			at.Elapsed += start.Sub(came)
			clock = time.After(time.Second)
		}
		if err := send(l.id, page(f.html(), summary(at))); err != nil {
			continue // Finish says so
		}
		cost := time.Since(start)
		select {
		case <-time.After(min(max(drawPeriod-cost, cost*(l.share-1)), 2*time.Second)):
		case <-l.over: // the finished figure must not wait
			return
		}
	}
}

// halt waits until nothing is drawn any more.
func (l *Live) halt() {
	if l.frames != nil {
		close(l.over)
		l.drawn.Wait()
	}
}

// Finish ends the view: it puts the figure of runs in its place, or, if the training stopped with an error, what there is
// of it and why. It does nothing with an error that left no runs.
func (l *Live) Finish(runs []*bnlib.Run, err error) error {
	l.halt()
	if len(runs) == 0 {
		if l.id != "" {
			return send(l.id, page("", ""))
		}
		return nil
	}
	f := l.figure(runs)
	if err == nil && l.last != nil {
		return figure(l.id, f.Title, l.last(runs))
	}
	if err != nil {
		f.Subtitle = "Stopped early: " + stopped(runs, err) + "."
	}
	return figure(l.id, f.Title, f)
}

// done is how many runs have made all their steps.
func done(runs []*bnlib.Run) int { return len(bnlib.Sample(runs).Done()) }

// stopped says what of a call that stopped is there when the cell is run again.
func stopped(runs []*bnlib.Run, err error) string {
	n := done(runs)
	switch {
	case n == 0:
		return "no network was done, so nothing is stored; run the cell again to train from the start"
	case n == len(runs):
		return "all networks are done"
	case errors.Is(err, bnlib.ErrNotStored):
		return fmt.Sprintf("%d of %d networks are done, but not all of these could be stored", n, len(runs))
	}
	return fmt.Sprintf("%d of %d networks are done and stored; run the cell again to train the others", n, len(runs))
}

func page(html, text string) *protocol.DisplayData {
	return &protocol.DisplayData{Data: map[protocol.MIMEType]any{mimeHTML: html, mimeText: text}}
}

// summary is a moment of a training in a line.
func summary(p bnlib.Progress) string {
	switch p.Stage {
	case bnlib.Compiling:
		return fmt.Sprintf("compiling the training program (%.1f s so far)", p.Elapsed.Seconds())
	case bnlib.Done:
		return fmt.Sprintf("done in %.1f s", p.Elapsed.Seconds())
	}
	parts := []string{fmt.Sprintf("step %s of %s", thousands(p.Step), thousands(p.Steps))}
	if p.StepsPerSecond > 0 {
		parts = append(parts, fmt.Sprintf("%s network-steps/s", thousands(int(p.StepsPerSecond))))
	}
	if p.Remaining > 0 {
		parts = append(parts, fmt.Sprintf("%s left", remaining(p.Remaining)))
	}
	return strings.Join(parts, " · ")
}

// remaining writes a duration that nobody knows to the second.
func remaining(d time.Duration) string {
	if d < 90*time.Second {
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
	return fmt.Sprintf("%.0f min", d.Minutes())
}

// html is a moment of a training as a page shows it.
func (f frame) html() string {
	var b strings.Builder
	fmt.Fprintf(&b, `<div style="max-width:880px"><progress max="%d" value="%d" style="width:100%%"></progress><div>%s</div>`,
		max(f.Total, 1), f.Done, html.EscapeString(summary(f.Progress)))
	if f.Stage != bnlib.Compiling {
		drawn := f.figure(f.Runs)
		if png, err := drawn.PNG(); err == nil {
			fmt.Fprintf(&b, `<img alt="%s" style="width:100%%" src="data:image/png;base64,%s">`, html.EscapeString(drawn.Title), base64.StdEncoding.EncodeToString(png))
		}
		if f.table != nil {
			b.WriteString(f.table(f.Runs).HTML())
		}
	}
	b.WriteString("</div>")
	return b.String()
}

// thousands writes n with a comma every three digits.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
