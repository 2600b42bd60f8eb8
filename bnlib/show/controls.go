package show

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"batchnorm/bnlib"
	"batchnorm/bnlib/norms"

	"github.com/gomlx/gomlx/ml/layers/activation"
)

// message is what a page says of its controls.
type message struct {
	N  int64          `json:"n"`  // rises from one message to the next: they come in any order
	Do string         `json:"do"` // one of deeds
	At map[string]int `json:"at"` // the positions of the controls
}

// deeds are what messages can say: "hello" that the page is there, "set" that a control was moved, "rate" that the learning rate was.
var deeds = []string{"hello", "set", "rate", "train", "stop", "close"}

// control is something to set: a slider or a choice, with as many positions as it has texts.
type control struct {
	name, label string
	slider      bool
	texts       []string // what a position stands for
}

// controls are those of a playground, and where they stand. Positions are indices.
type controls struct {
	all   []control
	norms []bnlib.Norm // for the second network
	at    map[string]int
	set   int64 // number of the newest message that moved a control
	press int64 // and of the newest button
}

// What the sliders offer: three powers of ten of deviations and five of rates, ten to each, and the article's own among them.
var (
	deviations  = decades(-20, 10)
	rates       = decades(-30, 20)
	activations = []activation.Type{activation.TypeRelu, activation.TypeSigmoid, activation.TypeTanh}
	batchSizes  = []int{2, 10, 60, 200, 1000}
)

const (
	deepest = 6   // hidden layers
	width   = 128 // units of each
)

// decades are powers of ten, from one tenth of an exponent to another, rounded to two digits.
func decades(from, to int) (all []float64) {
	for tenth := from; tenth <= to; tenth++ {
		all = append(all, twoDigits(math.Pow(10, float64(tenth)/10)))
	}
	return all
}

func texts[T any](all []T, text func(T) string) (texts []string) {
	for _, x := range all {
		texts = append(texts, text(x))
	}
	return texts
}

// newControls returns controls that stand at the article's experiment 1. more are norms beside those of package norms.
func newControls(more []bnlib.Norm) *controls {
	c := &controls{norms: append([]bnlib.Norm{bnlib.Batch, norms.Layer, norms.RMS, norms.MeanOnly, norms.VarianceOnly, norms.Detached, norms.DyT}, more...)}
	plain := func(x float64) string { return fmt.Sprint(x) }
	depths := make([]int, deepest)
	for i := range depths {
		depths[i] = i + 1
	}
	c.all = []control{
		{"std", "deviation of the initial weights", true, texts(deviations, plain)},
		{"rate", "learning rate", true, texts(rates, plain)},
		{"activation", "activation", false, texts(activations, func(a activation.Type) string { return bnlib.Experiment{Activation: a}.ActivationName() })},
		{"norm", "norm", false, texts(c.norms, func(n bnlib.Norm) string { return n.Name })},
		{"depth", "hidden layers", false, texts(depths, func(n int) string { return fmt.Sprint(n) })},
		{"batch", "batch size", false, texts(batchSizes, func(n int) string { return fmt.Sprint(n) })},
	}
	c.at = c.positions(bnlib.Article(1))
	return c
}

// positions are where the controls stand for one of the article's experiments.
func (c *controls) positions(e bnlib.Experiment) map[string]int {
	return map[string]int{
		"std": slices.Index(deviations, e.InitStd), "rate": slices.Index(rates, e.LearningRate),
		"activation": slices.Index(activations, e.Activation), "norm": 0,
		"depth": len(e.Hidden) - 1, "batch": slices.Index(batchSizes, e.Batch),
	}
}

// take moves the controls to where a message says that they stand, unless a newer one has done so. It returns an error for a message that
// makes no sense, and moves nothing then.
func (c *controls) take(m message) error {
	if !slices.Contains(deeds, m.Do) {
		return fmt.Errorf("the page asks for %q; allowed: %s", m.Do, strings.Join(deeds, ", "))
	}
	for _, control := range c.all {
		at, ok := m.At[control.name]
		if !ok {
			return fmt.Errorf("the page does not say where %q stands; allowed: a position of each control", control.name)
		}
		if last := len(control.texts) - 1; at < 0 || at > last {
			return fmt.Errorf("the %s is at position %d; allowed: 0 to %d, which stand for %s to %s",
				control.label, at, last, control.texts[0], control.texts[last])
		}
	}
	if m.N >= c.set {
		c.set, c.at = m.N, m.At
	}
	return nil
}

// late reports whether a message about a button is older than another.
func (c *controls) late(m message) bool {
	if m.N < c.press {
		return true
	}
	c.press = m.N
	return false
}

func (c *controls) rate() float64 { return rates[c.at["rate"]] }

// networks are the two that the controls stand for. Where their experiment is one of the article's, it is called so.
func (c *controls) networks() []bnlib.Network {
	e := bnlib.Article(1)
	e.InitStd, e.LearningRate, e.Activation = deviations[c.at["std"]], c.rate(), activations[c.at["activation"]]
	e.Hidden = slices.Repeat([]int{width}, c.at["depth"]+1)
	e.Batch = batchSizes[c.at["batch"]]
	e.Steps = longest
	e.Every = max(10, min(100, 100*60/e.Batch)) // so that something moves a few times a second
	e.Name = "Playground"
	for _, article := range bnlib.ArticleAll() {
		at := c.positions(article)
		at["norm"] = c.at["norm"]
		if maps.Equal(at, c.at) {
			e.Name = article.Name
		}
	}
	return e.With(bnlib.None, c.norms[c.at["norm"]])
}

// settings says what the controls stand for, but for the rate.
func (c *controls) settings() string {
	n := c.networks()[1]
	return fmt.Sprintf("std %v, %s, %s, hidden layers %d, batch size %d", n.InitStd, n.ActivationName(), n.Norm.Name, len(n.Hidden), n.Batch)
}
