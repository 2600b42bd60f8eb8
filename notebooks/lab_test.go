package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestLab does to pages what readers do, in a browser and against the real kernel, and looks at what they would see.
func TestLab(t *testing.T) {
	d := openDesk(t)
	for _, test := range []struct {
		name string
		do   func(*testing.T, *desk)
	}{
		{"run all", runAll},
		{"run all before the kernel is there", runEarly},
		{"restart and run all", restartAndRunAll},
		{"interrupt the compiler", interruptCompiler},
		{"interrupt XLA", interruptXLA},
		{"interrupt a training", interruptTraining},
		{"two pages", twoPages},
		{"close and open", closeAndOpen},
		{"close early", closeEarly},
		{"edit while running", editWhileRunning},
		{"kill the kernel", killKernel},
		{"failing cells", failing},
		{"completion", completes},
		{"figures", figures},
		{"projector", projector},
		{"playground", playground},
	} {
		t.Run(test.name, func(t *testing.T) { test.do(t, d) })
	}
}

// Cells of the pages that the tests write. After imports, each says which process it is and which kernel started it.
const (
	imports = `%noautoget
import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"

	"batchnorm/bnlib"
	"batchnorm/bnlib/show"

	"github.com/janpfeifer/must"
)`
	who = `%%
fmt.Printf("process %d of kernel %d\n", os.Getpid(), os.Getppid())
`
)

// training is a cell that trains a pair in so many steps; quick mode is not for it. 100000 take half a minute on two cores.
func training(steps int) string {
	return who + fmt.Sprintf(`os.Unsetenv(bnlib.QuickEnv)
e := bnlib.Article(1)
e.Steps, e.Every = %d, 100
must.M1(show.Compare(e))
fmt.Println("trained")`, steps)
}

const forever = 10_000_000 // steps

// started returns the processes that a cell says it is of.
func (c cellSight) started(t *testing.T) (cell, kernel int) {
	t.Helper()
	if _, err := fmt.Sscanf(c.Output, "process %d of kernel %d", &cell, &kernel); err != nil {
		t.Fatalf("%q: %v", c.Output, err)
	}
	return cell, kernel
}

func (c cellSight) runs() bool  { return c.Prompt == "[*]:" }
func (c cellSight) ended() bool { return !c.runs() && c.Prompt != "[ ]:" }

// idle tells whether no cell runs or waits.
func (s sight) idle() bool {
	for _, c := range s.Cells {
		if c.runs() {
			return false
		}
	}
	return true
}

// isTraining tells whether a page shows a training under way in a cell, from 0.
func isTraining(cell int) func(sight) bool {
	return func(s sight) bool { return strings.Contains(s.Cells[cell].Output, "network-steps/s") }
}

func hasEnded(cell int) func(sight) bool {
	return func(s sight) bool { return s.Cells[cell].ended() }
}

const vegaLite = "application/vnd.vegalite.v5+json"

// stoppedEarly saves a page and checks that its figure says that a training was stopped: the page draws its words as pixels.
func (p *tab) stoppedEarly(cell int) {
	p.Helper()
	p.until("a figure", func(s sight) bool { return s.Cells[cell].Figures == 1 })
	p.menu("File", "docmanager:save")
	p.until("the page is saved", func(sight) bool {
		outputs := p.desk.page(p.T, p.name).Cells[cell].Outputs
		return slices.ContainsFunc(outputs, func(o output) bool {
			return strings.Contains(string(o.Data[vegaLite]), "Stopped early: no network was done")
		})
	})
}

// interrupt clicks the square button and waits until a cell has ended.
func (p *tab) interrupt(cell int) cellSight {
	p.Helper()
	p.click(selector(`[data-command="notebook:interrupt-kernel"]`))
	begun := time.Now()
	c := p.until("the cell has ended", hasEnded(cell)).Cells[cell]
	p.Logf("the cell ended %v after the click", time.Since(begun).Round(100*time.Millisecond))
	return c
}

// goesOn runs a cell and checks that it does what it says, in the kernel given.
func (p *tab) goesOn(cell, kernel int) {
	p.Helper()
	p.runCell(cell)
	c := p.until("the next cell runs", hasEnded(cell)).Cells[cell]
	if _, of := c.started(p.T); of != kernel || c.Errors != "" {
		p.Errorf("after that a cell says %q, errors %q; want kernel %d", c.Output, c.Errors, kernel)
	}
}

// ranInOrder checks that all cells of code ran from top to bottom, without errors.
func ranInOrder(t *testing.T, s sight) {
	t.Helper()
	ran := 0
	for i, c := range s.Cells {
		if !c.Code {
			continue
		}
		ran++
		if want := fmt.Sprintf("[%d]:", ran); c.Prompt != want || c.Errors != "" {
			t.Errorf("cell %d: prompt %s, want %s; errors %q", i+1, c.Prompt, want, c.Errors)
		}
	}
}

// runAll runs a page by the menu. As many figures are drawn as the page was committed with, those that were folded, too. In
// the dark theme they and the tables can be read.
func runAll(t *testing.T, d *desk) {
	p, committed := d.open(t, "00_start_here"), d.page(t, "00_start_here")
	p.menu("Run", "runmenu:run-all")
	p.until("it runs", func(s sight) bool { return !s.idle() })
	ranInOrder(t, p.until("all cells have run", sight.idle))
	p.until("all figures are drawn", func(s sight) bool {
		for i, c := range committed.Cells {
			want := 0
			for _, o := range c.Outputs {
				if o.Data[vegaLite] != nil {
					want++
				}
			}
			if s.Cells[i].Figures != want {
				return false
			}
		}
		return true
	})
	p.dark()
	p.readable(".jp-RenderedHTML :is(caption, th, td)")
	p.find(`document.querySelector(".jp-RenderedHTML caption")`)
	p.shot()
}

// runEarly runs a page whose kernel is slow to start: as soon as its cells are there, and again after the kernel was shut down. Cells
// wait, and run in order.
func runEarly(t *testing.T, d *desk) {
	writeBook(t, d.notebook("early"), imports, who, who)
	p := d.tab(t, "early")
	p.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		return t.Call(ctx, "Page.addScriptToEvaluateOnNewDocument", map[string]string{"source": slowKernel}, nil)
	}))
	p.visit()
	p.menu("Run", "runmenu:run-all")
	if d.connected(t, "early") {
		t.Fatal("the kernel was there before the page was run")
	}
	ranInOrder(t, p.until("all cells have run", hasEnded(2)))
	p.menu("Kernel", "kernelmenu:shutdown")
	p.until("its kernel has ended", func(s sight) bool { return s.Kernel == "No Kernel" })
	p.menu("Run", "runmenu:run-all")
	p.until("it runs", func(s sight) bool { return !s.idle() })
	ranInOrder(t, p.until("all cells have run again", sight.idle))
}

// slowKernel makes a page wait for the session that it asks the server for.
const slowKernel = `{
	const ask = window.fetch;
	window.fetch = async (what, how) => {
		const request = new Request(what, how);
		if (request.method == "POST" && new URL(request.url).pathname.endsWith("/api/sessions")) await new Promise(go => setTimeout(go, 3000));
		return ask(request);
	};
}`

// restartAndRunAll does it by the toolbar: another process runs the cells, counted from 1.
func restartAndRunAll(t *testing.T, d *desk) {
	writeBook(t, d.notebook("restart"), imports, who, who)
	p := d.open(t, "restart")
	p.menu("Run", "runmenu:run-all")
	_, first := p.until("all cells have run", hasEnded(2)).Cells[2].started(t)
	p.click(selector(`[data-command="notebook:restart-run-all"]`))
	p.click(selector(".jp-Dialog .jp-mod-accept"))
	p.until("it runs", func(s sight) bool { return !s.idle() })
	s := p.until("all cells have run again", hasEnded(2))
	ranInOrder(t, s)
	if _, second := s.Cells[2].started(t); second == first || alive(first) {
		t.Errorf("kernel %d, alive %v, was restarted as %d", first, alive(first), second)
	}
}

// interruptCompiler interrupts a cell before its program is there.
func interruptCompiler(t *testing.T, d *desk) {
	writeBook(t, d.notebook("compiler"), imports, who, training(forever), who)
	p := d.open(t, "compiler")
	p.runCell(0)
	p.runCell(1)
	_, kernel := p.until("the first cells have run", hasEnded(1)).Cells[1].started(t)
	p.runCell(2)
	p.until("the cell is compiled", func(sight) bool { return compiles(kernel) })
	c := p.interrupt(2)
	if strings.Contains(c.Output, "process") || !strings.Contains(c.Errors, "interrupt") {
		t.Errorf("the cell says %q, errors %q", c.Output, c.Errors)
	}
	p.goesOn(3, kernel)
}

// interruptXLA interrupts a cell while XLA compiles its program.
func interruptXLA(t *testing.T, d *desk) {
	writeBook(t, d.notebook("xla"), imports, training(forever), who)
	p := d.open(t, "xla")
	p.runCell(0)
	p.runCell(1)
	s := p.until("XLA compiles", func(s sight) bool { return strings.Contains(s.Cells[1].Output, "compiling the training program") })
	_, kernel := s.Cells[1].started(t)
	p.interrupt(1)
	p.stoppedEarly(1)
	p.goesOn(2, kernel)
}

// interruptTraining interrupts a training: what there is of it stays, and says that it was stopped.
func interruptTraining(t *testing.T, d *desk) {
	writeBook(t, d.notebook("training"), imports, training(forever), who)
	p := d.open(t, "training")
	p.runCell(0)
	p.until("the imports are there", hasEnded(0))
	begun := time.Now()
	p.runCell(1)
	process, kernel := p.until("a training", isTraining(1)).Cells[1].started(t)
	p.Logf("a training shows its first point after %.1f s", time.Since(begun).Seconds())
	c := p.interrupt(1)
	if strings.Contains(c.Output, "trained") {
		t.Errorf("the cell went on, and says %q", c.Output)
	}
	if strings.Contains(c.Errors, "^C") || strings.Contains(c.Errors, "exit status") || !strings.Contains(c.Errors, "The cell was interrupted.") {
		t.Errorf("of its end the cell says %q", c.Errors)
	}
	p.stoppedEarly(1)
	p.shot()
	p.goesOn(2, kernel)
	if alive(process) {
		t.Error("the cell's process still runs")
	}
}

// twoPages trains on two pages at once. Interrupting one leaves the other alone.
func twoPages(t *testing.T, d *desk) {
	writeBook(t, d.notebook("left"), imports, training(forever), "# End")
	writeBook(t, d.notebook("right"), imports, training(1000), "# End")
	left, right := d.open(t, "left"), d.open(t, "right")
	left.runCell(0)
	left.runCell(1)
	_, one := left.until("a training", isTraining(1)).Cells[1].started(t)
	right.runCell(0)
	right.runCell(1)
	s := right.until("its training is done", func(s sight) bool { return s.Cells[1].ended() && s.Cells[1].Figures == 1 })
	ranInOrder(t, s)
	if _, two := s.Cells[1].started(t); two == one || !strings.Contains(s.Cells[1].Output, "trained") {
		t.Errorf("kernels %d and %d; the right page says %q", one, two, s.Cells[1].Output)
	}
	if s := left.see(); !s.Cells[1].runs() || !isTraining(1)(s) {
		t.Errorf("the left page no longer trains: %+v", s.Cells[1])
	}
	left.interrupt(1)
	if again := right.see(); again.Cells[1] != s.Cells[1] {
		t.Errorf("the right page has changed from %+v to %+v", s.Cells[1], again.Cells[1])
	}
}

// closeAndOpen closes a page while its cells run and opens it again: it goes on where it was. What a cell says while no page is there
// is shown by the next one, too, and running a cell again finds its networks trained.
func closeAndOpen(t *testing.T, d *desk) {
	const gate = "gate" // a file, without which the last cell does not end
	writeBook(t, d.notebook("close"), imports, training(20_000), who, who+`for {
	if _, err := os.Stat("`+gate+`"); err == nil {
		break
	}
}
fmt.Println("ended")`)
	p := d.open(t, "close")
	p.runCell(0)
	p.runCell(1)
	process, kernel := p.until("a training", isTraining(1)).Cells[1].started(t)
	p.runCell(2)
	p.close()
	if !alive(process) {
		t.Error("the training has ended with the page")
	}
	p = d.open(t, "close")
	s := p.until("it goes on", func(s sight) bool { return isTraining(1)(s) && s.Status == "busy" })
	if again, _ := s.Cells[1].started(t); again != process || !s.Cells[1].runs() || !s.Cells[2].runs() {
		t.Errorf("opened again, the page shows %v; want process %d at work, and a cell that waits", s, process)
	}
	s = p.until("the other cell has run", hasEnded(2))
	if _, of := s.Cells[2].started(t); of != kernel || alive(process) {
		t.Errorf("process %d alive %v, and the page shows %v; want it of kernel %d", process, alive(process), s, kernel)
	}
	trained := func(s sight) bool { return s.Cells[1].ended() && s.Cells[1].Figures == 1 }
	if c := p.until("the networks", trained).Cells[1]; !strings.Contains(c.Output, "trained") || c.Errors != "" || c.Prompt != "[2]:" {
		t.Errorf("the page shows %v", c)
	}
	p.runCell(1)
	s = p.until("the networks again", func(s sight) bool {
		if c := s.Cells[1]; strings.Contains(c.Output, "compiling") || isTraining(1)(s) {
			t.Fatalf("it trains again: %v", s)
		}
		return trained(s)
	})
	if c := s.Cells[1]; !strings.Contains(c.Output, "trained") || c.Errors != "" {
		t.Errorf("the page shows %v", s)
	}

	p.runCell(3)
	process, _ = p.until("it runs", func(s sight) bool { return s.Cells[3].Output != "" }).Cells[3].started(t)
	p.close()
	write(t, d.dir, map[string]string{gate: ""})
	for begun := time.Now(); alive(process); time.Sleep(50 * time.Millisecond) {
		if time.Since(begun) > patience {
			t.Fatal("the cell does not end")
		}
	}
	p = d.open(t, "close")
	if c := p.until("the cell has ended", hasEnded(3)).Cells[3]; !strings.HasSuffix(c.Output, "ended\n") || c.Prompt != "[5]:" {
		t.Errorf("what ran while no page was there shows as %v", c)
	}
}

// closeEarly closes connections to a kernel that are not there yet, as a page does that is closed at once. The next page's is counted.
func closeEarly(t *testing.T, d *desk) {
	writeBook(t, d.notebook("hasty"), imports, who)
	body := `{"path": "hasty.ipynb", "name": "", "type": "notebook", "kernel": {"name": "gonb"}}`
	answer, err := http.Post(d.url+"api/sessions?token="+d.token, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var session struct{ Kernel struct{ ID string } }
	if err := json.NewDecoder(answer.Body).Decode(&session); err != nil || session.Kernel.ID == "" {
		t.Fatal(answer.Status, err)
	}
	server, err := url.Parse(d.url)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		c, err := net.Dial("tcp", server.Host)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "GET %sapi/kernels/%s/channels?token=%s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", server.EscapedPath(), session.Kernel.ID, d.token, server.Host)
		c.Close()
	}
	p := d.tab(t, "hasty")
	p.visit()
	p.runCell(0)
	p.runCell(1)
	p.until("it has run", hasEnded(1))
	if !d.connected(t, "hasty") {
		t.Error("cells ran, and the server thinks that no page is there")
	}
}

// editWhileRunning edits the cell that runs and another one: each runs as it was when it was started.
func editWhileRunning(t *testing.T, d *desk) {
	writeBook(t, d.notebook("edit"), imports, training(forever), "%%\n"+`fmt.Println("before")`)
	p := d.open(t, "edit")
	p.runCell(0)
	p.runCell(1)
	p.until("a training", isTraining(1))
	p.replace(1, `"trained"`, "never")
	p.replace(2, `"before"`, "after")
	p.do(chromedp.KeyEvent("\r", chromedp.KeyModifiers(chromedp.ModifierShift)))
	s := p.until("the edited cell waits", func(s sight) bool { return s.Cells[2].runs() })
	if !strings.Contains(s.Cells[1].Source, "never") || !strings.Contains(s.Cells[2].Source, "after") || !s.Cells[1].runs() {
		t.Errorf("the page shows %v", s)
	}
	p.interrupt(1)
	if got := p.until("no cell runs", sight.idle).Cells[2]; got.Output != "" || got.Errors != "" {
		t.Errorf("the cell that waited behind an interrupted one says %q, errors %q; want nothing", got.Output, got.Errors)
	}
	p.runCell(2)
	if got := p.until("it has ended", hasEnded(2)).Cells[2]; got.Output != "after\n" || got.Errors != "" {
		t.Errorf("the edited cell says %q, errors %q", got.Output, got.Errors)
	}
}

// failing runs a page with mistakes: what waits behind one is not run, and the page says what to do about it.
func failing(t *testing.T, d *desk) {
	writeBook(t, d.notebook("failing"), imports, "fmt.Println(1)", who, "%%\nfor {", "%%\nfmt.Println(nonesuch)", "%%\npanic(\"oh\")",
		"%%\np, _ := os.FindProcess(os.Getpid())\nmust.M(p.Kill())\nselect {}")
	p := d.open(t, "failing")
	p.menu("Run", "runmenu:run-all")
	p.until("a cell has failed", hasEnded(1))
	s := p.until("no cell runs", sight.idle)
	for i, c := range s.Cells[2:] {
		if c.Prompt != "[ ]:" || c.Output != "" {
			t.Errorf("cell %d behind one that failed: prompt %s, output %q", i+3, c.Prompt, c.Output)
		}
	}
	for cell, want := range map[int]string{1: "line %%", 3: "a } or ) is missing", 4: "declares nonesuch", 5: "exit status 2", 6: "the memory did not suffice"} {
		if cell > 1 {
			p.runCell(cell)
		}
		c := p.until("it has ended", hasEnded(cell)).Cells[cell]
		said := c.Output + c.Errors
		if !strings.Contains(said, want) || strings.Contains(said, "gonb_") && cell != 5 {
			t.Errorf("cell %d: %q, want %q, and no file of nobody's", cell+1, said, want)
		}
		if strings.Count(c.Errors, "exit status") > 1 || strings.Contains(said, "signal:") {
			t.Errorf("cell %d: %q, which the kernel says, too", cell+1, said)
		}
	}
	p.shot()
}

// completes presses Tab behind a name.
func completes(t *testing.T, d *desk) {
	if err := testWorkbook(t).setup(t.Context(), all); err != nil { // the lab builds gopls while it is open, for kernels that start later
		t.Fatal(err)
	}
	writeBook(t, d.notebook("completes"), imports, "%%\nfmt.Printl")
	p := d.open(t, "completes")
	p.runCell(0)
	p.until("it has run", hasEnded(0))
	p.click(cellAt(1) + `.querySelectorAll(".cm-line")[1]`)
	p.do(chromedp.KeyEvent(kb.End), chromedp.KeyEvent("\t"))
	p.until("the name is whole", func(s sight) bool {
		if eval[bool](p, `!!document.querySelector(".jp-Completer:not(.lm-mod-hidden) .jp-Completer-item")`) {
			p.do(chromedp.KeyEvent("\r"))
		}
		return strings.Contains(s.Cells[1].Source, "fmt.Println")
	})
}

// replace double-clicks a string in a cell, which selects its word, and types another.
func (p *tab) replace(cell int, old, word string) {
	p.Helper()
	// A figure that grows above the cell moves it away from under the pointer.
	p.until("the word is selected", func(sight) bool {
		p.click(fmt.Sprintf(`[...%s.querySelectorAll(".cm-line span")].find(e => e.textContent == %q)`, cellAt(cell), old), chromedp.ClickCount(2))
		selected := eval[string](p, `getSelection().toString()`)
		return selected != "" && strings.Contains(old, selected) && eval[bool](p, cellAt(cell)+`.contains(document.activeElement)`)
	})
	p.do(chromedp.KeyEvent(word))
}

// killKernel kills the kernel while it trains. The page says so, nothing goes on training, and the cells run again.
func killKernel(t *testing.T, d *desk) {
	writeBook(t, d.notebook("kill"), imports, training(forever), who)
	p := d.open(t, "kill")
	p.runCell(0)
	p.runCell(1)
	process, kernel := p.until("a training", isTraining(1)).Cells[1].started(t)
	found, err := os.FindProcess(kernel)
	if err != nil {
		t.Fatal(err)
	}
	if err := found.Kill(); err != nil {
		t.Fatal(err)
	}
	p.until("the kernel died", func(s sight) bool { return strings.Contains(s.Dialog, "appears to have died") })
	p.click(selector(".jp-Dialog .jp-mod-accept"))
	p.until("no cell runs", sight.idle)
	p.runCell(0)
	p.runCell(2)
	s := p.until("cells run again", hasEnded(2))
	if _, again := s.Cells[2].started(t); again == kernel || s.Cells[2].Errors != "" {
		t.Errorf("the page shows %v", s)
	}
	p.until("the training has ended", func(sight) bool { return !alive(process) })
}

// alive tells whether a process runs.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, state, _ := strings.Cut(string(stat), ") ")
	return err == nil && !strings.HasPrefix(state, "Z")
}

// compiles tells whether a kernel's compiler is at work.
func compiles(kernel int) bool {
	for _, pid := range processes() {
		stat, _ := os.ReadFile("/proc/" + pid + "/stat")
		command, _ := os.ReadFile("/proc/" + pid + "/cmdline")
		_, rest, _ := strings.Cut(string(stat), ") ")
		fields := strings.Fields(rest) // the state, the parent, …
		if len(fields) > 1 && fields[1] == strconv.Itoa(kernel) && strings.Contains(string(command), "\x00build\x00") {
			return true
		}
	}
	return false
}

// figures points at a committed page's figures and moves its slider, without any kernel.
func figures(t *testing.T, d *desk) {
	p := d.open(t, "01_signal")
	if eval[bool](p, `!!document.querySelector(".lm-TabBar-tab.jp-mod-dirty")`) {
		t.Error("to open a page is to change it")
	}
	p.menu("Kernel", "kernelmenu:shutdown")
	s := p.until("its kernel has ended", func(s sight) bool { return s.Kernel == "No Kernel" })

	const explorer = `document.querySelector(".vega-embed:has(input[type=range])")`
	p.find(explorer)
	p.readable(".vega-bind-name")
	picture := func() string { return eval[string](p, explorer+`.querySelector("canvas").toDataURL()`) }
	value := func() float64 { return eval[float64](p, explorer+`.querySelector("input[type=range]").valueAsNumber`) }
	before, from := picture(), value()
	at := p.find(explorer + `.querySelector("input[type=range]")`)
	p.do(chromedp.DragAndDropXY(at.X, at.Y, at.X+40, at.Y))
	if value() == from {
		t.Error("the slider does not move")
	}
	p.until("another picture", func(sight) bool { return picture() != before })
	before, from = picture(), value()
	p.do(chromedp.KeyEvent(kb.ArrowRight))
	if value() <= from {
		t.Errorf("by the right arrow the slider moves from %v to %v", from, value())
	}
	p.until("another picture, by the keyboard", func(sight) bool { return picture() != before })
	if width := eval[float64](p, explorer+`.querySelector("input[type=range]").offsetWidth`); width < 300 {
		t.Errorf("the slider is %v pixels wide", width)
	}

	const figure = `document.querySelector(".vega-embed:not(:has(input[type=range])) canvas")`
	p.find(figure)
	box := eval[struct{ X, Y, Width, Height float64 }](p, `(({x, y, width, height}) => ({X: x, Y: y, Width: width, Height: height}))(`+figure+`.getBoundingClientRect())`)
	moves := 0
	p.until("a tooltip with a number somewhere on the figure", func(sight) bool {
		x, y := float64(moves%16)/16, float64(moves/16%8)/8
		moves++
		p.do(chromedp.MouseEvent(chromedp.MouseMoved, box.X+x*box.Width, box.Y+y*box.Height))
		return strings.ContainsAny(eval[string](p, tooltip), "0123456789")
	})
	p.shot()
	for i, c := range p.see().Cells {
		if c.Prompt != s.Cells[i].Prompt || c.Errors != "" {
			t.Errorf("cell %d: prompt %s, was %s; errors %q", i+1, c.Prompt, s.Cells[i].Prompt, c.Errors)
		}
	}
}

// projector opens a page as the first start does, in a window as small as a projector's: no figure is cut.
func projector(t *testing.T, d *desk) {
	const name = "01_signal"
	want := 0 // those of folded outputs are not drawn
	for _, c := range d.page(t, name).Cells {
		for _, o := range c.Outputs {
			if o.Data[vegaLite] != nil && !hides.Match(c.Meta) {
				want++
			}
		}
	}
	p := d.tab(t, name)
	p.do(chromedp.EmulateViewport(1024, 768), chromedp.Navigate(d.url+"lab/tree/"+name+".ipynb?token="+d.token))
	const figure = `[...document.querySelectorAll(".jp-NotebookPanel:not(.lm-mod-hidden) .vega-embed canvas")]`
	p.until("all figures are drawn", func(sight) bool { return eval[int](p, figure+".length") == want })
	cut := `.filter(e => e.getBoundingClientRect().right > e.closest(".jp-OutputArea-output").getBoundingClientRect().right + 1).map(e => e.offsetWidth)`
	if wide := eval[[]int](p, figure+cut); len(wide) > 0 {
		t.Errorf("figures of %d pixels are cut%s", wide, p.shot())
	}
}

const tooltip = `document.querySelector("#vg-tooltip-element.visible")?.innerText ?? ""`

// dark chooses the dark theme, for this page and those that are opened after it.
func (p *tab) dark() {
	p.Helper()
	entry := func(of, name string) string {
		return fmt.Sprintf(`[...document.querySelectorAll(%q)].find(e => e.textContent == %q)`, of, name)
	}
	p.click(entry("#jp-MainMenu .lm-MenuBar-item", "Settings"))
	p.click(entry(".lm-Menu-itemLabel", "Theme"))
	p.click(entry(".lm-Menu-itemLabel", "JupyterLab Dark"))
	p.until("the dark theme", func(sight) bool { return eval[bool](p, `document.body.dataset.jpThemeLight == "false"`) })
}

// readable checks contrasts, as WCAG 2 defines them and with its least one for text: of all figures' darkest colour to their
// paper, which must not be the page's, and of the texts in elements to what is behind them.
func (p *tab) readable(elements string) {
	p.Helper()
	const least = 4.5
	for _, c := range eval[[]struct {
		Of       string
		Contrast float64
	}](p, fmt.Sprintf(contrasts, elements)) {
		if c.Contrast < least {
			p.Errorf("%s: contrast %.1f, want at least %v", c.Of, c.Contrast, least)
		}
	}
}

const contrasts = `(() => {
	const one = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
	const paint = (color, opacity) => { one.globalAlpha = opacity; one.fillStyle = color; one.fillRect(0, 0, 1, 1) };
	const luminance = (rgb) => {
		const [r, g, b] = [...rgb].map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const contrast = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
	const painted = () => luminance(one.getImageData(0, 0, 1, 1).data);
	const found = [];
	for (const canvas of document.querySelectorAll(".vega-embed canvas")) {
		const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
		let darkest = 1;
		for (let i = 0; i < pixels.length; i += 4) darkest = Math.min(darkest, luminance(pixels.subarray(i, i + 3)));
		found.push({Of: "figure", Contrast: pixels[3] == 255 ? contrast(darkest, luminance(pixels.subarray(0, 3))) : 0});
	}
	for (const e of document.querySelectorAll(%q)) {
		const text = e.textContent.trim();
		if (!text) continue;
		const behind = [];
		for (let of = e; of; of = of.parentElement) behind.unshift(of);
		for (const of of behind) paint(getComputedStyle(of).backgroundColor, 1);
		const back = painted();
		paint(getComputedStyle(e).color, +getComputedStyle(e).opacity);
		found.push({Of: text, Contrast: contrast(back, painted())});
	}
	return found;
})()`
