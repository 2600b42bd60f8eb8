package show

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"html"
	"strings"
	"time"

	"batchnorm/bnlib"
	"batchnorm/bnlib/chart"
	"batchnorm/bnlib/plot"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/comms"
)

// playgroundScript is a function that makes the controls on a page speak.
//
//go:embed playground.js
var playgroundScript string

// front is a playground on a notebook's page: three outputs, one below the other, and GoNB's channel for what the page says.
//
// GoNB's own widgets are not used. Each is put on the page by a script of its own and waits without end where no page answers; what
// they say comes in any order, and a value of 0 does not arrive at them. Here every message has a number, and says where all controls
// stand.
type front struct {
	id       string
	messages chan message
	heard    bool          // the page has said something
	over     chan struct{} // closed at the end
	live     *Live
}

const (
	askAgain = 3 * time.Second // GoNB waits as long for a page to connect
	patience = 12 * time.Second
	silence  = 5 * time.Second // after which GoNB is asked whether the page is still there
)

// openFront shows controls and waits until the page answers. It returns nil where it does not.
func openFront(ctx context.Context, c *controls) (*front, error) {
	f := &front{id: "playground-" + gonbui.UniqueId(), messages: make(chan message, 100), over: make(chan struct{})}
	hello, sound := make(chan bool, 1), make(chan bool, 1)
	text, err := f.html(c)
	if err != nil {
		return nil, err
	}
	if err := f.send("controls", text); err != nil {
		return nil, err
	}
	f.status("connecting")
	comms.Subscribe(f.id, func(_ string, text string) {
		var m message
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			m.Do = text // which the playground does not know
		}
		tell(sound)
		if m.Do == "hello" {
			tell(hello)
			return
		}
		f.messages <- m
	})
	again, late := time.NewTicker(askAgain), time.After(patience)
	defer again.Stop()
	for {
		select {
		case <-hello:
			f.heard = true
			go f.keep(sound)
			return f, nil
		case <-again.C:
			comms.Start()
		case <-late:
			return nil, f.end("No page answers, so the playground plays by itself.")
		case <-ctx.Done():
			return nil, f.end("")
		}
	}
}

// tell sends on a channel unless it is full.
func tell(c chan<- bool) {
	select {
	case c <- true:
	default:
	}
}

// keep has GoNB connect the page anew where it is no longer connected: it was closed and opened again.
func (f *front) keep(sound <-chan bool) {
	for {
		select {
		case <-sound:
		case <-time.After(silence):
			comms.Start()
		case <-f.over:
			return
		}
	}
}

// send shows HTML in one of the outputs.
func (f *front) send(output, html string) error { return send(f.id+output, page(html, "")) }

// html is the controls, and the script that they need: the buttons and the presets in a row, then the sliders, then the choices.
func (f *front) html(c *controls) (string, error) {
	choice := func(name, label string, texts []string, at int) string {
		var b strings.Builder
		fmt.Fprintf(&b, `<label>%s <select name="%s">`, label, name)
		for i, text := range texts {
			selected := ""
			if i == at {
				selected = " selected"
			}
			fmt.Fprintf(&b, `<option value="%d"%s>%s</option>`, i, selected, html.EscapeString(text))
		}
		b.WriteString("</select></label>")
		return b.String()
	}
	const row = `<div style="display:flex;flex-wrap:wrap;gap:8px 16px;align-items:center;margin:6px 0">%s</div>`
	var buttons, sliders, choices string
	for _, deed := range []string{"train", "stop", "close"} {
		buttons += fmt.Sprintf(`<button type="button" data-do="%s" style="padding:4px 16px">%s</button>`, deed, deed)
	}
	articles := texts(bnlib.ArticleAll(), func(e bnlib.Experiment) string {
		return fmt.Sprintf("%s: std %v, rate %v, %s", e.Name, e.InitStd, e.LearningRate, e.ActivationName())
	})
	buttons += choice("preset", "the article's", articles, 0)
	steps := map[string][]string{}
	for _, control := range c.all {
		at := c.at[control.name]
		if !control.slider {
			choices += choice(control.name, control.label, control.texts, at)
			continue
		}
		steps[control.name] = control.texts
		sliders += fmt.Sprintf(`<label for="%s-%s">%s</label><span><input type="range" id="%s-%s" name="%s" min="0" max="%d" value="%d" style="width:320px;vertical-align:middle"> <output>%s</output></span>`,
			f.id, control.name, control.label, f.id, control.name, control.name, len(control.texts)-1, at, control.texts[at])
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<fieldset id="%s" disabled style="max-width:%dpx;border:0;padding:0;margin:0">`, f.id, plot.PageWidth)
	fmt.Fprintf(&b, row, buttons)
	fmt.Fprintf(&b, `<div style="display:grid;grid-template-columns:max-content 1fr;gap:4px 12px;align-items:center">%s</div>`, sliders)
	fmt.Fprintf(&b, row, choices)
	b.WriteString("</fieldset>")
	var presets []map[string]int
	for _, e := range bnlib.ArticleAll() {
		presets = append(presets, c.positions(e))
	}
	config, err := json.Marshal(map[string]any{"id": f.id, "texts": steps, "presets": presets})
	if err != nil {
		return "", fmt.Errorf("show: Playground: %w", err)
	}
	fmt.Fprintf(&b, "<script>(%s)(%s)</script>", strings.TrimSpace(playgroundScript), config)
	return b.String(), nil
}

// status implements view. Once the page was heard it holds the sign by which the script knows.
func (f *front) status(text string) {
	sign := ""
	if f.heard {
		sign = fmt.Sprintf(` data-heard="%s"`, f.id)
	}
	_ = f.send("status", fmt.Sprintf(`<div%s style="max-width:%dpx">%s</div>`, sign, plot.PageWidth, html.EscapeString(text))) // what ends the view says so
}

// Record implements view.
func (f *front) Record(p bnlib.Progress) {
	if f.live == nil {
		f.live = newGrowing()
		f.live.id, f.live.share = f.id+"figure", playShare
	}
	f.live.Record(p)
}

// playShare is the share of the time that drawing takes, one in so many: whoever plays wants to see what follows.
const playShare = 3

// replay implements view: the training plays again.
func (f *front) replay(runs []*bnlib.Run) error {
	f.halt()
	e := chart.Growth(runs...)
	return figure(f.id+"figure", e.Title(), e)
}

func (f *front) halt() {
	if f.live != nil {
		f.live.halt()
		f.live = nil
	}
}

// close leaves the figure, and says in the place of the controls how they come back.
func (f *front) close() error {
	f.halt()
	close(f.over)
	return f.end("The controls are here while the cell runs: run it again.")
}

func (f *front) end(text string) error {
	if err := f.send("controls", ""); err != nil {
		return err
	}
	if text != "" {
		text = fmt.Sprintf(`<div style="max-width:%dpx">%s</div>`, plot.PageWidth, html.EscapeString(text))
	}
	return f.send("status", text)
}
