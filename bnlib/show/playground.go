package show

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"batchnorm/bnlib"
	"batchnorm/bnlib/chart"
	"batchnorm/bnlib/plot"
	"batchnorm/bnlib/probe"

	"github.com/janpfeifer/gonb/gonbui"
)

// Playground lets a reader train two networks by hand, one without batch normalization and one with a norm: controls for
// the deviation of the initial weights, the learning rate, the activation, the norm, the depth and the batch size, the article's
// experiments as presets, and buttons that train, stop and close. While the networks train their curves grow and the distributions of their
// pre-activations move, layer by layer, as chart.GrowthNow draws them. norms are choices beside those of package norms, such as
// one of the reader's own.
//
// The learning rate can be changed while the networks train: both have the new one from the same step on, within a tenth of a second. All other
// controls are for the next training. A training stops when the reader stops it, or after 20000 steps; it can then be played again, step by
// step (chart.Growth). The cell runs, and other cells wait, until the reader closes the playground or interrupts the cell. It leaves
// the last training as a figure that still plays, without a kernel, and returns its two runs. What was done to the rate is in their
// Network.Schedule: see bnlib.Steer.
//
// Where nobody can press a button the playground plays by itself: it trains the article's experiment 1 for 4000 steps, with the rate
// of experiment 3, which is 200 times as large, from step 2000 on. So it does in a program that is no notebook's, in a page that
// AloneEnv says nobody watches, on a page whose front end does not answer within twelve seconds, and if it is closed before anything was trained.
func Playground(norms ...bnlib.Norm) ([]*bnlib.Run, error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	for i, n := range norms {
		if n.Name == "" {
			return nil, fmt.Errorf("show: Playground: norms[%d] has no name; allowed: one of its own, for the controls to show", i)
		}
	}
	c := newControls(norms)
	var runs []*bnlib.Run
	if gonbui.IsNotebook && os.Getenv(AloneEnv) == "" {
		f, err := openFront(ctx, c)
		if err != nil {
			return nil, err
		}
		if f != nil {
			p := &playground{controls: c, view: f}
			p.play(ctx, f.messages)
			runs = p.runs
			if err := f.close(); err != nil {
				return nil, err
			}
		}
		leaveIfStopped(ctx)
	}
	if runs != nil || ctx.Err() != nil {
		return runs, ctx.Err()
	}
	return alone(ctx)
}

// AloneEnv names the environment variable that, when not empty, says that nobody is there to press a button.
const AloneEnv = "BATCHNORM_ALONE"

// alone plays what a reader could have played.
func alone(ctx context.Context) ([]*bnlib.Run, error) {
	live := newGrowing()
	runs, err := bnlib.Compare(ctx, recorded(), &bnlib.Options{Recorder: live})
	if ctx.Err() == nil && errors.Is(err, bnlib.ErrNotStored) && done(runs) == len(runs) {
		err = nil
	}
	if shown := live.Finish(runs, err); err == nil {
		err = shown
	}
	leaveIfStopped(ctx)
	return runs, err
}

// newGrowing returns a view of two networks as they grow, which leaves a figure that plays.
func newGrowing() *Live {
	live := NewLive()
	live.figure, live.table = func(runs []*bnlib.Run) *plot.Figure { return chart.GrowthNow(runs...) }, nil
	live.last = func(runs []*bnlib.Run) drawing { return chart.Growth(runs...) }
	return live
}

// recorded is the experiment that the playground plays by itself. Quick mode shortens it, and has the change of the rate as well.
func recorded() bnlib.Experiment {
	e := bnlib.Article(1)
	e.Steps, e.Every = 4000, 200
	if os.Getenv(bnlib.QuickEnv) != "" {
		e.Steps, e.Every = 60, 20
	}
	half, factor := e.Steps/2, bnlib.Article(3).LearningRate/e.LearningRate
	e.Schedule = func(step int) float64 {
		if step < half {
			return 1
		}
		return factor
	}
	return e
}

// view is where a playground is seen.
type view interface {
	bnlib.Recorder                  // of a training under way
	status(text string)             // a line, at once
	replay(runs []*bnlib.Run) error // takes the place of what was recorded
}

// playground obeys messages.
type playground struct {
	*controls
	view view

	runs   []*bnlib.Run // of the last training that made a step
	wheel  *wheel       // of the last training
	title  string       // of it: what is trained
	cancel func()       // ends the training under way; nil: there is none
	over   chan outcome // of it
	fault  string       // of the last message
	said   string       // last
}

// outcome is what a training came to.
type outcome struct {
	runs []*bnlib.Run
	err  error
}

// play obeys messages until one says close, or ctx ends, and no training is left when it returns.
func (p *playground) play(ctx context.Context, messages <-chan message) {
	p.now()
	clock := time.NewTicker(500 * time.Millisecond)
	defer clock.Stop()
	for {
		select {
		case <-clock.C:
			p.now() // the step at which a new rate came into force
		case m := <-messages:
			if m.Do == "close" {
				p.stop()
				return
			}
			p.obey(ctx, m)
		case o := <-p.over: // after its last step, or for an error
			p.end(o)
		case <-ctx.Done():
			p.stop()
			return
		}
	}
}

// obey does what a message says. One that makes no sense is said to, and changes nothing.
func (p *playground) obey(ctx context.Context, m message) {
	if p.fault = ""; m.Do == "hello" {
		return
	}
	if err := p.take(m); err != nil {
		p.fault = err.Error()
		p.now()
		return
	}
	switch m.Do {
	case "train", "stop":
		if p.late(m) {
			return
		}
		p.stop()
		if m.Do == "train" {
			p.train(ctx)
		}
	default:
		if p.cancel != nil && (m.Do == "rate" || p.settings() == p.title) {
			p.wheel.set(p.rate())
		}
		p.now()
	}
}

// now says how things stand.
func (p *playground) now() {
	switch {
	case p.cancel == nil && p.runs == nil:
		p.say("press train: " + p.settings())
	case p.cancel == nil:
		next := ""
		if p.settings() != p.title {
			next = " for " + p.settings()
		}
		p.say("stopped: " + p.title + " · " + p.wheel.String() + " · press train" + next)
	case !p.wheel.turned():
		p.say("compiling: " + p.title) // which takes some seconds the first time
	default:
		text := "training: " + p.title + " · " + p.wheel.String()
		if p.settings() != p.title {
			text += " · other settings from the next training on: press train"
		}
		p.say(text)
	}
}

func (p *playground) say(text string) {
	if p.fault != "" {
		text = p.fault + " · " + text
	}
	if text != p.said {
		p.said = text
		p.view.status(text)
	}
}

// longest is how many steps a training makes at most.
const longest = 20_000

// train begins a training of what the controls say.
func (p *playground) train(ctx context.Context) {
	networks := p.networks()
	p.title, p.wheel = p.settings(), &wheel{base: p.rate(), now: p.rate()}
	ctx, p.cancel = context.WithCancel(ctx)
	over := make(chan outcome, 1)
	p.over = over
	o := &bnlib.Options{Recorder: p.view, Steer: p.wheel.steer, Hooks: []probe.Hook{probe.Signals, probe.Norms}}
	p.now()
	go func() {
		runs, err := bnlib.Train(ctx, networks, o)
		over <- outcome{runs, err}
	}()
}

// stop ends the training under way, if there is one.
func (p *playground) stop() {
	if p.cancel == nil {
		return
	}
	p.say("stopping: " + p.title)
	p.cancel()
	p.end(<-p.over)
}

// end takes what a training came to.
func (p *playground) end(o outcome) {
	p.cancel()
	p.cancel, p.over = nil, nil
	if o.err != nil && !errors.Is(o.err, context.Canceled) && !errors.Is(o.err, bnlib.ErrNotStored) {
		p.fault = o.err.Error()
	}
	if len(o.runs) == 2 && min(len(o.runs[0].Losses), len(o.runs[1].Losses)) > 0 {
		p.runs = o.runs
	}
	p.now()
	if p.runs == nil {
		return
	}
	if err := p.view.replay(p.runs); err != nil {
		p.fault = err.Error()
		p.now()
	}
}
