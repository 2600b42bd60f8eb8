package show

import (
	"context"
	"encoding/json"
	"maps"
	"math"
	"strings"
	"sync"
	"testing"

	"batchnorm/bnlib"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// screen is a view that remembers what was shown.
type screen struct {
	mutex   sync.Mutex
	news    *sync.Cond
	said    []string
	step    int // the least of both networks
	replays [][]*bnlib.Run
}

func newScreen() *screen {
	s := &screen{}
	s.news = sync.NewCond(&s.mutex)
	return s
}

func (s *screen) status(text string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.said = append(s.said, text)
	s.news.Broadcast()
}

func (s *screen) Record(p bnlib.Progress) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.step = math.MaxInt
	for _, run := range p.Runs {
		s.step = min(s.step, len(run.Losses))
	}
	s.news.Broadcast()
}

func (s *screen) replay(runs []*bnlib.Run) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.replays, s.step = append(s.replays, runs), 0
	s.news.Broadcast()
	return nil
}

// until waits until something is shown.
func (s *screen) until(shown func() bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for !shown() {
		s.news.Wait()
	}
}

// says waits until the status has all the words.
func (s *screen) says(words ...string) {
	s.until(func() bool {
		if len(s.said) == 0 {
			return false
		}
		for _, w := range words {
			if !strings.Contains(s.said[len(s.said)-1], w) {
				return false
			}
		}
		return true
	})
}

// player is a playground under test, and the number of the last message.
type player struct {
	*screen
	messages chan message
	at       map[string]int
	n        int64
	over     chan bool
	p        *playground
}

// openPlayground begins to play, in a store of the test's own.
func openPlayground(t *testing.T, norms ...bnlib.Norm) *player {
	t.Helper()
	t.Setenv(bnlib.StoreEnv, t.TempDir())
	t.Setenv(bnlib.QuickEnv, "")
	c := newControls(norms)
	p := &player{screen: newScreen(), messages: make(chan message), at: maps.Clone(c.at), over: make(chan bool)}
	p.p = &playground{controls: c, view: p.screen}
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	go func() {
		p.p.play(ctx, p.messages)
		close(p.over)
	}()
	return p
}

// do sends a message, as the page does.
func (p *player) do(deed string) {
	p.n++
	p.messages <- message{N: p.n, Do: deed, At: maps.Clone(p.at)}
}

// TestPlayground trains, changes the rate, stops, and trains another network. What the reader did is in the schedule: trained again with
// it, a network has the same losses.
func TestPlayground(t *testing.T) {
	p := openPlayground(t)
	p.says("press train", "std 0.05, ReLU, with batch norm, hidden layers 3, batch size 60")
	p.at["depth"] = 0 // which trains faster
	p.do("set")
	p.says("press train", "hidden layers 1")
	p.do("train")
	p.says("compiling: std 0.05")
	p.says("training: std 0.05", "rate 0.01")
	p.until(func() bool { return p.step >= 50 })
	p.at["rate"] += 10
	p.do("rate")
	p.says("rate 0.01, from step ", " on 0.1")
	p.at["std"]++
	p.do("set")
	p.says("other settings from the next training on")
	p.do("stop")
	p.says("stopped: std 0.05")
	p.until(func() bool { return len(p.replays) == 1 })
	runs := p.replays[0]
	for i, run := range runs {
		e, steps := run.Network, len(run.Losses)
		if run.Status != bnlib.Cancelled || steps < 50 || e.InitStd != .05 || e.LearningRate != .01 || len(e.Hidden) != 1 {
			t.Fatalf("run %d: %v after %d steps of %+v", i, run.Status, steps, e.Experiment)
		}
		first := 0
		for first < e.Steps && e.Schedule(first) == 1 {
			first++
		}
		if e.Schedule(0) != 1 || first < 50 || first == e.Steps || math.Abs(e.Schedule(first)-10) > 1e-9 {
			t.Errorf("run %d: the schedule changes to %v at step %d; want 10 after step 50", i, e.Schedule(first), first)
		}
		e.Steps = steps
		again, err := bnlib.Train(t.Context(), []bnlib.Network{e}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for k, loss := range again[0].Losses {
			if math.Float32bits(loss) != math.Float32bits(run.Losses[k]) {
				t.Fatalf("run %d: trained again, its loss at step %d is %v instead of %v", i, k, loss, run.Losses[k])
			}
		}
	}
	p.do("stop") // there is nothing to stop
	p.at["depth"], p.at["activation"] = 1, 1
	p.do("train")
	p.says("training: ", "sigmoid", "hidden layers 2", "rate 0.1")
	p.until(func() bool { return p.step >= 10 })
	p.do("train") // anew
	p.until(func() bool { return len(p.replays) == 2 })
	p.until(func() bool { return p.step >= 10 })
	p.do("close")
	<-p.over
	if len(p.replays) != 3 || p.p.runs[0].Network.LearningRate != .1 || len(p.p.runs[1].Network.Hidden) != 2 {
		t.Errorf("%d trainings, the last of %+v", len(p.replays), p.p.runs[0].Network.Experiment)
	}
}

// TestPlaygroundNonsense sends what no page of ours does, and what comes late. Each is answered in words, and nothing is moved.
func TestPlaygroundNonsense(t *testing.T) {
	p := openPlayground(t)
	p.says("press train")
	for want, edit := range map[string]func(m *message){
		`asks for "fly"; allowed: hello, set, rate, train, stop, close`:                                              func(m *message) { m.Do = "fly" },
		"learning rate is at position 51; allowed: 0 to 50, which stand for 0.001 to 100":                            func(m *message) { m.At["rate"] = 51 },
		"deviation of the initial weights is at position -1; allowed: 0 to 30, which stand for 0.01 to 10":           func(m *message) { m.At["std"] = -1 },
		"hidden layers is at position 6; allowed: 0 to 5, which stand for 1 to 6":                                    func(m *message) { m.At["depth"] = 6 },
		`does not say where "batch" stands`:                                                                          func(m *message) { delete(m.At, "batch") },
		"the norm is at position 99; allowed: 0 to 6, which stand for with batch norm to DyT":                        func(m *message) { m.At["norm"] = 99 },
		"activation is at position 3; allowed: 0 to 2, which stand for ReLU to tanh":                                 func(m *message) { m.At["activation"] = 3 },
		"batch size is at position 1000; allowed: 0 to 4, which stand for 2 to 1000 · press train: std 0.05, ReLU, ": func(m *message) { m.At["batch"] = 1000 },
	} {
		m := message{N: p.n, Do: "train", At: maps.Clone(p.at)}
		edit(&m)
		p.messages <- m
		p.says(want)
	}
	late := message{N: p.n + 1, Do: "set", At: maps.Clone(p.at)}
	p.n += 2
	p.at["std"] = 30
	p.do("set")
	p.says("std 10,")
	p.messages <- late
	p.at["batch"] = 0
	p.do("set")
	p.says("std 10,", "batch size 2")
	p.messages <- message{Do: "hello"}
	p.do("close")
	<-p.over
	if p.p.runs != nil || len(p.replays) > 0 {
		t.Error("something was trained")
	}
}

// TestPlaygroundFails plays with a norm that cannot be: the reader is told why, and goes on.
func TestPlaygroundFails(t *testing.T) {
	bad := bnlib.Norm{Name: "bad", Apply: func(scope *model.Scope, x *graph.Node) *graph.Node { return nil }}
	p := openPlayground(t, bad)
	p.at["norm"] = len(p.p.norms) - 1
	p.do("train")
	p.says("Norm.Apply", `"bad"`, "it returns nil", "press train")
	p.at["norm"], p.at["depth"] = 0, 0
	p.do("train")
	p.says("training: ")
	p.do("close")
	<-p.over
}

// TestPlaygroundInterrupted ends with the context, whatever it does.
func TestPlaygroundInterrupted(t *testing.T) {
	t.Setenv(bnlib.StoreEnv, t.TempDir())
	ctx, stop := context.WithCancel(t.Context())
	s, c := newScreen(), newControls(nil)
	p := &playground{controls: c, view: s}
	messages := make(chan message, 1)
	messages <- message{N: 1, Do: "train", At: c.at}
	go func() {
		s.until(func() bool { return s.step > 0 })
		stop()
	}()
	p.play(ctx, messages)
	if len(s.replays) != 1 || p.runs[0].Status != bnlib.Cancelled {
		t.Errorf("%d trainings are left", len(s.replays))
	}
}

// TestPresets: the article's experiments are positions of the controls, and are called by their names.
func TestPresets(t *testing.T) {
	c := newControls(nil)
	for _, e := range bnlib.ArticleAll() {
		c.at = c.positions(e)
		n := c.networks()
		if len(n) != 2 || !n[0].Norm.Equal(bnlib.None) || !n[1].Norm.Equal(bnlib.Batch) {
			t.Fatalf("networks %+v", n)
		}
		if got := n[1].Experiment; got.Name != e.Name || got.InitStd != e.InitStd || got.LearningRate != e.LearningRate || got.Activation != e.Activation ||
			len(got.Hidden) != 3 || got.Batch != 60 || got.Validate(0) != nil {
			t.Errorf("%s is %+v", e.Name, got)
		}
	}
	for _, control := range c.all {
		for i := range control.texts {
			c.at = c.positions(bnlib.Article(1))
			c.at[control.name] = i
			if err := c.networks()[0].Validate(0); err != nil {
				t.Errorf("%s at %d: %v", control.name, i, err)
			}
		}
	}
}

// TestControlsOnThePage holds the HTML to what the script looks for, and names to be escaped.
func TestControlsOnThePage(t *testing.T) {
	c := newControls([]bnlib.Norm{{Name: "<mine> & yours"}})
	text, err := (&front{id: "playground-1"}).html(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`<fieldset id="playground-1" disabled`, `name="rate"`, `min="0" max="50"`, `<output>0.05</output>`, `data-do="stop"`,
		"&lt;mine&gt; &amp; yours", "Experiment 8: std 10, rate 2, sigmoid", "config => {"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	_, config, _ := strings.Cut(text, "})(")
	config, _, _ = strings.Cut(config, "})</script>")
	var got struct {
		ID      string
		Texts   map[string][]string
		Presets []map[string]int
	}
	if err := json.Unmarshal([]byte(config+"}"), &got); err != nil || got.ID != "playground-1" || len(got.Texts["std"]) != 31 || len(got.Presets) != 8 {
		t.Errorf("%+v, %v of %s", got, err, config)
	}
}
