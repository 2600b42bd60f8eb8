package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// playground plays: it trains, changes the rate on the way, closes the page and opens it again, stops, takes a preset, and closes the
// playground, whose last training then plays without a kernel.
func playground(t *testing.T, d *desk) {
	writeBook(t, d.notebook("playground"), imports, `%%
os.Unsetenv(bnlib.QuickEnv)
runs := must.M1(show.Playground())
e := runs[1].Network
fmt.Printf("returned %d runs, std %v, factor %.0f\n", len(runs), e.InitStd, e.Schedule(e.Steps-1))`, who)
	p := d.open(t, "playground")
	p.runCell(0)
	p.until("the imports are there", hasEnded(0))
	p.runCell(1)
	output := func(s sight) string { return s.Cells[1].Output }
	shows := func(words ...string) sight {
		return p.until(fmt.Sprintf("the playground says %q", words), func(s sight) bool {
			for _, w := range words {
				if !strings.Contains(output(s), w) {
					return false
				}
			}
			return true
		})
	}
	control := func(name string) string { return selector(`fieldset [name="` + name + `"]`) }
	press := func(deed string) { p.click(selector(`fieldset:enabled [data-do="` + deed + `"]`)) }
	// set moves a control as the keyboard does, which says so by two events.
	set := func(name string, position int) {
		p.Helper()
		eval[bool](p, fmt.Sprintf(`(e => { e.value = %d; return e.dispatchEvent(new Event("input")) && e.dispatchEvent(new Event("change")) })(%s)`, position, control(name)))
	}
	shows("press train: std 0.05, ReLU, with batch norm, hidden layers 3, batch size 60")
	p.until("the controls can be used", func(sight) bool { return eval[bool](p, `!!document.querySelector("fieldset:enabled [data-do]")`) })

	press("train")
	shows("training: std 0.05", "rate 0.01")
	// grows waits for a picture of an experiment after a later step than the given one, which both networks have made, and returns that step.
	grows := func(experiment string, from int) (step int) {
		p.until(fmt.Sprintf("a picture of %s after step %d", experiment, from), func(sight) bool {
			titles := eval[[]string](p, `[...document.querySelectorAll(".jp-OutputArea-output img")].map(e => e.alt)`)
			if len(titles) != 1 {
				return false
			}
			_, err := fmt.Sscanf(titles[0], experiment+", step %d,", &step)
			return err == nil && step > from
		})
		return step
	}
	grows("Experiment 1", grows("Experiment 1", 0))
	p.shot()
	at := p.find(control("rate"))
	p.do(chromedp.MouseClickXY(at.X, at.Y)) // the middle of the slider, and of the rates' powers of ten
	shows("rate 0.01, from step ", " on 0.3")
	set("rate", 33)
	turned := time.Now()
	p.until("the new rate", func(s sight) bool {
		return strings.Contains(output(s), "and now 2") || strings.Contains(output(s), "on 2")
	})
	p.Logf("the page shows a rate %v after it was set", time.Since(turned).Round(10*time.Millisecond))
	shows(", from step ", " on 2")
	p.close()
	p = d.open(t, "playground")
	p.until("the controls can be used again", func(sight) bool { return eval[bool](p, `!!document.querySelector("fieldset:enabled [data-do]")`) })
	press("stop")
	begun := time.Now()
	shows("stopped: std 0.05")
	p.Logf("it stopped %v after the click", time.Since(begun).Round(10*time.Millisecond))
	p.until("it can be played again", func(s sight) bool { return s.Cells[1].Figures == 1 })
	p.shot()

	set("preset", 7)
	shows("stopped: ", "press train for std 10, sigmoid")
	press("train")
	shows("training: std 10, sigmoid")
	grows("Experiment 8", 0)
	press("close")
	s := p.until("the cell has ended", hasEnded(1))
	if c := s.Cells[1]; !strings.Contains(c.Output, "returned 2 runs, std 10, factor 1") || c.Errors != "" {
		t.Errorf("the cell says %q, errors %q", c.Output, c.Errors)
	}
	if eval[bool](p, `!!document.querySelector("fieldset")`) {
		t.Error("the controls are still there")
	}
	p.runCell(2)
	p.until("other cells run again", hasEnded(2))

	p.menu("File", "docmanager:save")
	p.until("the page is saved", func(sight) bool { return len(p.desk.page(t, "playground").Cells[1].Outputs) > 0 })
	p.close()
	p = d.open(t, "playground")
	p.menu("Kernel", "kernelmenu:shutdown")
	p.until("its kernel has ended", func(s sight) bool { return s.Kernel == "No Kernel" })
	const explorer = `document.querySelector(".vega-embed:has(input[type=range])")`
	p.find(explorer)
	value := func() float64 { return eval[float64](p, explorer+`.querySelector("input[type=range]").valueAsNumber`) }
	from := value()
	p.click(explorer + `.querySelector("input[type=checkbox]")`)
	p.until("it plays", func(sight) bool { return value() != from })
}
