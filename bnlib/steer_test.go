package bnlib

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestSteer steers a pair, with and without a schedule of its own. Steps are asked about once, in their order; both networks get the
// same factors, which the runs give back; trained with those as an ordinary schedule they have the same bits; and the store finds
// them as such.
func TestSteer(t *testing.T) {
	factor := func(step int) float64 { return []float64{1, 3, 0, .5}[step/7%4] }
	halving := func(step int) float64 { return math.Exp2(-float64(step) / 20) }
	for _, c := range []struct {
		name     string
		schedule func(int) float64
	}{{"no schedule", nil}, {"halving", halving}} {
		t.Run(c.name, func(t *testing.T) {
			e, o := short(1), options(t)
			e.Schedule, e.LearningRate = c.schedule, .1
			var asked []int
			o.Steer = func(step int) float64 {
				asked = append(asked, step)
				return factor(step)
			}
			steered := compare(t, e, o)
			if want := upTo(e.Steps); !slices.Equal(asked, want) {
				t.Errorf("asked about steps %v, want each once and in order", asked)
			}
			o.Steer = nil
			for i, run := range steered {
				if run.Status != Finished {
					t.Fatalf("run %d is %v", i, run.Status)
				}
				for step := range e.Steps {
					want := factor(step)
					if c.schedule != nil {
						want *= c.schedule(step)
					}
					if got := run.Network.Schedule(step); got != want {
						t.Fatalf("run %d: the schedule gives %v at step %d, want %v", i, got, step, want)
					}
				}
			}
			if sameBits(steered[0].Losses, steered[1].Losses) {
				t.Error("both networks have the same losses")
			}
			networks := []Network{steered[0].Network, steered[1].Network}
			o.Recorder = untrained{t}
			found, err := Compare(context.Background(), networks[0].Experiment, o)
			if err != nil {
				t.Fatal(err)
			}
			again := trained(t, options(t), networks...)
			for i := range again {
				if !sameRun(again[i], steered[i]) || again[i].Key != steered[i].Key {
					t.Errorf("run %d: with the recorded schedule it is another", i)
				}
				if !sameRun(found[i], steered[i]) || len(found[i].Snapshots()) != len(steered[i].Snapshots()) {
					t.Errorf("run %d: the store gives another", i)
				}
			}
			e.Schedule = c.schedule
			if plain := trained(t, options(t), e.Pair()...); sameRun(plain[0], steered[0]) {
				t.Error("steering changed nothing")
			}
		})
	}
}

// upTo returns the numbers from 0 up to, not including, n.
func upTo(n int) (all []int) {
	for i := range n {
		all = append(all, i)
	}
	return all
}

// untrained is a Recorder that wants everything from the store.
type untrained struct{ *testing.T }

func (u untrained) Record(Progress) { u.Error("it trains") }

// TestSteerOnTheWay changes a factor while networks train, by what they have come to: both have it from the same step on, whoever is
// ahead, and it stays. Cancelled, the runs say what happened, and what was trained can be trained again.
func TestSteerOnTheWay(t *testing.T) {
	e, o := short(1), options(t)
	e.Steps, e.Every = 100_000, 10
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	watch := &changer{stop: stop}
	o.Recorder, o.Steer = watch, watch.factor
	runs, err := Train(ctx, e.Pair(), o)
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if watch.at == 0 {
		t.Fatal("the change was never asked for")
	}
	again := options(t)
	for i, run := range runs {
		n := run.Network
		if before, after, late := n.Schedule(watch.at-1), n.Schedule(watch.at), n.Schedule(e.Steps-1); before != 1 || after != 2 || late != 2 {
			t.Errorf("run %d: factors %v before the change, %v after it, %v at the end", i, before, after, late)
		}
		if run.Status != Cancelled || len(run.Losses) <= watch.at {
			t.Fatalf("run %d is %v after %d steps; want it cancelled after step %d", i, run.Status, len(run.Losses), watch.at)
		}
		n.Steps = len(run.Losses)
		if repeated := trained(t, again, n)[0]; !sameBits(repeated.Losses, run.Losses) {
			t.Errorf("run %d: its steps are others when they are trained again", i)
		}
	}
}

// changer asks for another factor as soon as both networks have made 20 steps, and stops both when they have made 50 with it.
type changer struct {
	mutex sync.Mutex
	now   bool
	at    int // the first step with the new factor
	stop  func()
}

func (c *changer) factor(step int) float64 {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if !c.now {
		return 1
	}
	if c.at == 0 {
		c.at = step
	}
	return 2
}

func (c *changer) Record(p Progress) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	least := min(len(p.Runs[0].Losses), len(p.Runs[1].Losses))
	c.now = c.now || least >= 20
	if c.at > 0 && least >= c.at+50 {
		c.stop()
	}
}

// TestSteeredAbreast steers a fast network and a slow one: neither leaves the other behind.
func TestSteeredAbreast(t *testing.T) {
	fast, slow := short(1), short(1)
	fast.Hidden, slow.Hidden = []int{4}, []int{512, 512}
	fast.Steps, fast.Every, slow.Steps, slow.Every = 300, 20, 300, 20
	var w apart
	o := options(t)
	o.Recorder, o.Steer = &w, func(int) float64 { return 1 }
	runs := trained(t, o, Network{Experiment: fast}, Network{Experiment: slow})
	if runs[0].Status != Finished || runs[1].Status != Finished {
		t.Fatal(runs[0].Status, runs[1].Status)
	}
	if w.most > 2*fast.Every { // one is ahead by what stands between two evaluations, and the other was not told of yet
		t.Errorf("they are %d steps apart", w.most)
	}
}

// apart is a Recorder that remembers how far apart networks were.
type apart struct{ most int }

func (a *apart) Record(p Progress) {
	if p.Stage == Training {
		steps := len(p.Runs[0].Losses) - len(p.Runs[1].Losses)
		a.most = max(a.most, steps, -steps)
	}
}

// TestBadSteer steers to where nobody can go.
func TestBadSteer(t *testing.T) {
	for want, steer := range map[string]Steer{
		"Options.Steer(2) is NaN; allowed: a finite number, 0 or above": func(step int) float64 { return math.Sqrt(float64(1 - step)) },
		"Options.Steer(1) is -1; allowed":                               func(step int) float64 { return 1 - 2*float64(step) },
		"index out of range":                                            func(step int) float64 { return []float64{1}[step] },
	} {
		o := options(t)
		o.Steer = steer
		runs, err := Train(context.Background(), short(1).Pair(), o)
		if err == nil || !strings.Contains(err.Error(), want) || len(runs) != 2 || runs[0].Status != Cancelled {
			t.Errorf("%v, want %q; runs %v", err, want, runs)
		}
	}
}
