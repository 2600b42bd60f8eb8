package plot

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Explorer is a figure that moves: the reader sets a number with a slider and picks one of several options below it. All that
// can be seen is in its Vega-Lite rendering, so it follows the slider at once and needs no kernel. Its PNG is a still picture.
// One of a single state is the figure of that state, with nothing to set.
type Explorer struct {
	Slider Slider
	Option string  // what the options are, such as "activation"; "": all states are of one, and there is nothing to pick
	States []State // for every position of the slider and every option
	Start  int     // index of the state to start with
	Play   bool    // a box to tick sets the slider in motion; it stops at Max or when the tick is taken away
	Still  *Figure // what PNG draws; nil: the state that it starts with
}

// Slider is the positions from Min to Max, Step apart.
type Slider struct {
	Label          string
	Min, Max, Step float64
}

// State is what an Explorer shows at one position of the slider under one option. The figures of all states have the same
// panels with the same curves, their axes included, and only curves; of the start are subtitle and size.
type State struct {
	Position float64
	Option   string
	Figure   *Figure
}

// PNG renders the still picture of e.
func (e *Explorer) PNG() ([]byte, error) {
	if err := e.validate(); err != nil {
		return nil, err
	}
	return e.still().PNG()
}

// Title is that of the still picture of e.
func (e *Explorer) Title() string {
	if e.validate() != nil {
		return ""
	}
	return e.still().Title
}

func (e *Explorer) still() *Figure {
	if e.Still != nil {
		return e.Still
	}
	return e.States[e.Start].Figure
}

func (e *Explorer) validate() error {
	if e == nil {
		return errors.New("plot: the explorer is nil; allowed: one with states")
	}
	if len(e.States) == 0 {
		return errors.New("plot: Explorer.States is empty; allowed: one or more, and Explorer.Start the index of one")
	}
	if e.Start < 0 || e.Start >= len(e.States) {
		return fmt.Errorf("plot: Explorer.Start is %d; allowed: 0 to %d, the index of a state", e.Start, len(e.States)-1)
	}
	if len(e.States) > 1 && !(e.Slider.Min < e.Slider.Max && e.Slider.Step > 0) {
		return fmt.Errorf("plot: Explorer.Slider is from %v to %v by %v; allowed: Min below Max, and a Step above 0",
			e.Slider.Min, e.Slider.Max, e.Slider.Step)
	}
	for i, s := range e.States {
		if s.Figure == nil || !finite(s.Position) {
			return fmt.Errorf("plot: Explorer.States[%d] is at %v, its figure nil: %v; allowed: a position of the slider and a figure", i, s.Position, s.Figure == nil)
		}
	}
	if !finite(e.Slider.Max-e.Slider.Min) && len(e.States) > 1 || !finite(e.Slider.Step) && len(e.States) > 1 {
		return fmt.Errorf("plot: Explorer.Slider is from %v to %v by %v; allowed: finite numbers", e.Slider.Min, e.Slider.Max, e.Slider.Step)
	}
	panels := len(e.States[e.Start].Figure.Panels)
	for i, s := range e.States {
		if n := len(s.Figure.Panels); n != panels {
			return fmt.Errorf("plot: Explorer.States[%d] has %d panels; allowed: %d, as many as the state it starts with", i, n, panels)
		}
	}
	return nil
}

// VegaLite renders e as a Vega-Lite 5 specification, as Figure.VegaLite does.
func (e *Explorer) VegaLite() ([]byte, error) {
	if err := e.validate(); err != nil {
		return nil, err
	}
	if len(e.States) == 1 {
		return e.States[0].Figure.VegaLite()
	}
	sheets := make([]*sheet, len(e.States))
	lines := 0
	for i, s := range e.States {
		sheets[i] = s.Figure.layout()
		lines = max(lines, len(sheets[i].title))
	}
	base := *sheets[e.Start]
	base.panels = slices.Clone(base.panels)
	for i := range base.panels {
		p := &base.panels[i]
		for _, s := range sheets {
			if p.empty != "" {
				*p = s.panels[i] // may have the layers that an empty panel lacks
			}
		}
		for _, s := range sheets {
			p.states = append(p.states, s.panels[i])
		}
	}
	spec, err := base.vegaLite()
	if err != nil {
		return nil, err
	}
	if _, ok := spec["params"]; !ok {
		return nil, errors.New("plot: Explorer.States have no curves; allowed: curves in at least one of them")
	}
	titles := make([][]string, len(sheets))
	for i, s := range sheets {
		titles[i] = append(s.title, make([]string, lines-len(s.title))...) // as many lines each, so that nothing jumps
	}
	if title, ok := spec["title"].(object); ok {
		title["text"] = object{"expr": "titles[max(0, at)]"}
	}
	spec["params"] = append(e.params(titles), spec["params"].([]any)...)
	if e.Play {
		spec["config"].(object)["signals"] = e.playing()
	}
	return json.Marshal(spec)
}

// params are the slider, the options, and at: the index of the state that they point at, −1 if there is none.
func (e *Explorer) params(titles [][]string) []any {
	var keys, options []string
	for _, s := range e.States {
		keys = append(keys, s.Option+" "+position(s.Position))
		if !slices.Contains(options, s.Option) {
			options = append(options, s.Option)
		}
	}
	option := object{"name": "option", "value": e.States[e.Start].Option}
	if e.Option != "" {
		option["bind"] = object{"input": "radio", "options": options, "name": e.Option + " "}
	}
	params := []any{
		option,
		object{"name": "keys", "value": keys},
		object{"name": "titles", "value": titles},
		object{"name": "at", "expr": "indexof(keys, option + ' ' + round(1000 * position))"},
	}
	if e.Play {
		return params
	}
	return append([]any{e.slider()}, params...)
}

func (e *Explorer) slider() object {
	return object{"name": "position", "value": e.States[e.Start].Position, "bind": object{
		"input": "range", "min": e.Slider.Min, "max": e.Slider.Max, "step": e.Slider.Step, "name": e.Slider.Label + " ",
	}}
}

const playEvery = 300 // milliseconds from one position to the next

// playing is the slider and the box to tick as signals of Vega. A parameter of Vega-Lite knows no timer; signals in the config
// are handed on to Vega as they are. Where the tick is missing a tick of the timer changes no signal, and nothing is drawn anew.
func (e *Explorer) playing() []any {
	last := e.Slider.Max - e.Slider.Step/2 // beyond which there is no other position
	position := e.slider()
	position["on"] = []any{object{
		"events": object{"type": "timer", "throttle": playEvery},
		"update": fmt.Sprintf("play ? (position < %v ? position + %v : %v) : position", last, e.Slider.Step, e.Slider.Min),
	}}
	play := object{"name": "play", "value": false, "bind": object{"input": "checkbox", "name": "play "}, "on": []any{object{
		"events": object{"signal": "position"},
		"update": fmt.Sprintf("play && position < %v", last),
	}}}
	return []any{position, play}
}

// position is a slider's position as params' expression writes it: sliders count in fractions that no float64 holds exactly.
func position(x float64) string { return fmt.Sprint(int(math.Round(1000 * x))) }
