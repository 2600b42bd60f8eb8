package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"batchnorm/bnlib"
	"batchnorm/bnlib/host"

	"github.com/chromedp/chromedp"
)

// browserEnv names the Chromium that TestLab tries pages with; without it the test is skipped.
const browserEnv = "BATCHNORM_CHROMIUM"

// patience is how long a page may take to show what it must. Most things come within seconds; a loaded machine with half the
// cores takes many times as long.
const patience = 5 * time.Minute

// chromium returns the path of the browser, or skips the test.
func chromium(t *testing.T) string {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("looks at processes in /proc")
	}
	name := os.Getenv(browserEnv)
	if name == "" {
		t.Skipf("set %s to a Chromium (chromium, google-chrome, or a path)", browserEnv)
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s: %v", browserEnv, err)
	}
	return path
}

// desk is what a reader sits at: a lab with pages in a folder of the reader's own, and a browser.
type desk struct {
	dir        string
	url, token string
	browser    context.Context
}

// openDesk runs the command that opens the lab, under a base URL as behind a proxy, on a temporary folder of the reader's own, and a
// browser. Trainings are short, as in quick mode. When the test ends, so do the lab and the browser; it fails if one of their processes
// is left.
func openDesk(t *testing.T) *desk {
	t.Helper()
	browser := chromium(t)
	ready(t)
	d := &desk{dir: t.TempDir()}
	kept := filepath.Join(d.dir, ".batchnorm")
	for name, value := range map[string]string{
		workEnv: d.dir, host.DirEnv: "", host.RunsEnv: filepath.Join(kept, "runs"), host.ProgramsEnv: filepath.Join(kept, "programs"), bnlib.QuickEnv: "1",
	} {
		t.Setenv(name, value)
	}

	ctx := beforeTimeout(t)
	t.Cleanup(func() { leftBehind(t, d.dir) })
	lab, quit := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		ended <- run(lab, []string{"-ip", "127.0.0.1", "-port", "0", "-base-url", "/a/desk/", "-no-browser"}, logger{t})
	}()
	t.Cleanup(func() {
		quit()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	d.browser = openBrowser(ctx, t, browser, filepath.Join(kept, "chromium"))
	notes := filepath.Join((&workbook{work: d.dir}).runtime(), "jpserver-*.json")
	late := time.After(patience)
	for d.url == "" {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("the lab has ended: %v", err)
		case <-late:
			t.Fatalf("the lab did not start in %v", patience)
		case <-time.After(100 * time.Millisecond):
			d.findLab(notes)
		}
	}
	return d
}

// beforeTimeout returns a context that ends before go test gives up on the test, which would leave everything running.
func beforeTimeout(t *testing.T) context.Context {
	ctx, stop := signal.NotifyContext(t.Context(), os.Interrupt, syscall.SIGTERM)
	t.Cleanup(stop)
	if deadline, ok := t.Deadline(); ok {
		ctx, stop = context.WithDeadline(ctx, deadline.Add(-time.Minute))
		t.Cleanup(stop)
	}
	return ctx
}

// openBrowser opens a browser with a profile of its own. It is closed when the test ends.
func openBrowser(ctx context.Context, t *testing.T, path, profile string) context.Context {
	t.Helper()
	ctx, stop := chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.UserDataDir(profile), chromedp.WindowSize(1400, 1000))...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// findLab reads what servers note of themselves once they listen.
func (d *desk) findLab(notes string) {
	paths, _ := filepath.Glob(notes)
	for _, path := range paths {
		var server struct {
			URL, Token string
			Root       string `json:"root_dir"`
		}
		if text, err := os.ReadFile(path); err == nil && json.Unmarshal(text, &server) == nil && server.Root == d.dir {
			d.url, d.token = server.URL, server.Token
		}
	}
}

// notebook is where a page lies.
func (d *desk) notebook(name string) string { return filepath.Join(d.dir, name+".ipynb") }

// leftBehind reports the processes that hold a folder's name in their command line or environment.
func leftBehind(t *testing.T, dir string) {
	var left []string
	for range 300 {
		left = nil
		for _, pid := range processes() {
			env, _ := os.ReadFile("/proc/" + pid + "/environ")
			cmd, _ := os.ReadFile("/proc/" + pid + "/cmdline")
			if pid != fmt.Sprint(os.Getpid()) && strings.Contains(string(env)+string(cmd), dir) {
				left = append(left, pid+" "+strings.ReplaceAll(string(cmd), "\x00", " "))
			}
		}
		if len(left) == 0 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("processes that are left:\n%s", strings.Join(left, "\n"))
}

// processes returns the numbers of all processes.
func processes() (pids []string) {
	paths, _ := filepath.Glob("/proc/[0-9]*")
	for _, path := range paths {
		pids = append(pids, filepath.Base(path))
	}
	return pids
}

// tab is a tab of the browser with one page of the lab.
type tab struct {
	*testing.T
	desk *desk
	name string
	ctx  context.Context
}

// open opens a page in a tab of its own and waits until its cells and its kernel are there, and says how long that took. It is closed
// when the test ends.
func (d *desk) open(t *testing.T, name string) *tab {
	t.Helper()
	p := d.tab(t, name)
	begun := time.Now()
	p.visit()
	cells := time.Since(begun)
	p.until("its kernel is there", func(s sight) bool { return (s.Status == "idle" || s.Status == "busy") && d.connected(t, name) })
	p.Logf("%s: cells after %.1f s, its kernel after %.1f s", name, cells.Seconds(), time.Since(begun).Seconds())
	return p
}

// tab opens an empty tab for a page.
func (d *desk) tab(t *testing.T, name string) *tab {
	t.Helper()
	ctx, stop := chromedp.NewContext(d.browser)
	t.Cleanup(stop)
	return &tab{T: t, desk: d, name: name, ctx: ctx}
}

// visit opens the tab's page and waits until its cells are there.
func (p *tab) visit() {
	p.Helper()
	cells := len(p.desk.page(p.T, p.name).Cells)
	p.do(chromedp.Navigate(fmt.Sprintf("%slab/workspaces/%s/tree/%s.ipynb?token=%s&reset", p.desk.url, p.name, p.name, p.desk.token)))
	p.until("its cells are there", func(s sight) bool { return len(s.Cells) == cells })
}

// connected tells whether a page has a kernel.
func (d *desk) connected(t *testing.T, name string) bool {
	t.Helper()
	answer, err := http.Get(d.url + "api/sessions?token=" + d.token)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var sessions []struct {
		Path   string
		Kernel struct{ Connections int }
	}
	if err := json.NewDecoder(answer.Body).Decode(&sessions); err != nil {
		t.Fatal(err)
	}
	for _, s := range sessions {
		if s.Path == name+".ipynb" {
			return s.Kernel.Connections > 0
		}
	}
	return false
}

// close closes the tab and waits until the lab has noticed.
func (p *tab) close() {
	p.Helper()
	chromedp.Cancel(p.ctx)
	for begun := time.Now(); p.desk.connected(p.T, p.name); time.Sleep(50 * time.Millisecond) {
		if time.Since(begun) > patience {
			p.Fatalf("%s is closed, and the lab still thinks it is open", p.name)
		}
	}
}

func (p *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	p.Helper()
	if err := chromedp.Do(p.ctx, steps...); err != nil {
		p.Fatalf("%s: %v", p.name, err)
	}
}

// eval returns what a JavaScript expression yields on the page.
func eval[T any](p *tab, expression string) T {
	p.Helper()
	value, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		p.Fatalf("%s: %v", p.name, err)
	}
	return value
}

// sight is what a page shows.
type sight struct {
	Kernel string // its name, once the page has one
	Status string // of the kernel: idle, busy, …
	Dialog string // what stands in front of the page
	Cells  []cellSight
}

// cellSight is what a cell shows.
type cellSight struct {
	Code    bool
	Source  string
	Prompt  string // "[3]:"; "[*]:" while it runs or waits
	Output  string
	Errors  string // what was written to standard error, and the error it ended with
	Figures int    // drawn by the page
}

// String returns what matters where a test has failed.
func (s sight) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "kernel %q is %q, in front stands %q\n", s.Kernel, s.Status, s.Dialog)
	for i, c := range s.Cells {
		if c.Code {
			fmt.Fprintf(&b, "cell %d %s %d figures, %.300q, errors %.300q\n", i+1, c.Prompt, c.Figures, c.Output, c.Errors)
		}
	}
	return b.String()
}

const look = `(() => {
	const text = (e, of) => [...e.querySelectorAll(of)].map(x => x.textContent).join("\n");
	const panel = document.querySelector(".jp-NotebookPanel:not(.lm-mod-hidden)");
	return {
		Kernel: panel?.querySelector(".jp-KernelName")?.textContent ?? "",
		Status: panel?.querySelector(".jp-Notebook-ExecutionIndicator")?.dataset.status ?? "",
		Dialog: text(document, ".jp-Dialog"),
		Cells: [...(panel?.querySelectorAll(".jp-Cell") ?? [])].map(c => ({
			Code: c.classList.contains("jp-CodeCell"),
			Source: text(c, ".cm-line"),
			Prompt: text(c, ".jp-InputPrompt"),
			Output: text(c, ".jp-OutputArea-output"),
			Errors: text(c, "[data-mime-type='application/vnd.jupyter.stderr'],[data-mime-type='application/vnd.jupyter.error']"),
			Figures: c.querySelectorAll(".vega-embed :is(canvas, svg.marks)").length,
		})),
	};
})()`

// see returns what the page shows now.
func (p *tab) see() sight {
	p.Helper()
	return eval[sight](p, look)
}

// until waits until the page shows something, which is described for the failure, and returns the page.
func (p *tab) until(what string, shown func(s sight) bool) sight {
	p.Helper()
	var s sight
	for begun := time.Now(); time.Since(begun) < patience; time.Sleep(50 * time.Millisecond) {
		if s = p.see(); shown(s) {
			return s
		}
	}
	p.Fatalf("%s does not show, after %v, that %s, but\n%v%s", p.name, patience, what, s, p.shot())
	return s
}

// shotsEnv names a folder for pictures of the pages on which a test failed, and of some others.
const shotsEnv = "BATCHNORM_SHOTS"

// shot takes a picture of the page, if there is a folder for it.
func (p *tab) shot() string {
	dir := os.Getenv(shotsEnv)
	if dir == "" {
		return ""
	}
	png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		return err.Error()
	}
	path := filepath.Join(dir, strings.ReplaceAll(p.Name(), "/", "_")+"_"+p.name+".png")
	if err := os.WriteFile(path, png, 0o644); err != nil {
		return err.Error()
	}
	return "\npicture: " + path
}

// point is a place in the window.
type point struct{ X, Y float64 }

// find waits for an element, brings it into sight and returns its middle.
func (p *tab) find(element string) point {
	p.Helper()
	for begun := time.Now(); time.Since(begun) < patience; time.Sleep(50 * time.Millisecond) {
		at := eval[*point](p, `(() => {
			const e = `+element+`;
			if (!e) return null;
			e.scrollIntoViewIfNeeded();
			const r = e.getBoundingClientRect();
			return r.width * r.height ? {X: r.x + r.width / 2, Y: r.y + r.height / 2} : null;
		})()`)
		if at != nil {
			return *at
		}
	}
	p.Fatalf("%s has no %s%s", p.name, element, p.shot())
	return point{}
}

// click clicks on an element, a JavaScript expression.
func (p *tab) click(element string, options ...chromedp.MouseOption) {
	p.Helper()
	at := p.find(element)
	p.do(chromedp.MouseEvent(chromedp.MouseMoved, at.X, at.Y), chromedp.MouseClickXY(at.X, at.Y, options...))
}

func selector(css string) string { return fmt.Sprintf("document.querySelector(%q)", css) }

// cellAt is the element of a cell, from 0, prose counted too.
func cellAt(i int) string {
	return fmt.Sprintf(`document.querySelectorAll(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell")[%d]`, i)
}

// menu clicks an entry of the main menu.
func (p *tab) menu(title, command string) {
	p.Helper()
	p.click(fmt.Sprintf(`[...document.querySelectorAll("#jp-MainMenu .lm-MenuBar-item")].find(e => e.textContent == %q)`, title))
	p.click(selector(fmt.Sprintf(`.lm-Menu-item[data-command="%s"]`, command)))
}

// runCell runs one cell by Shift-Enter.
func (p *tab) runCell(i int) {
	p.Helper()
	before := p.see().Cells[i].Prompt
	p.click(cellAt(i) + `.querySelector(".cm-line")`)
	p.do(chromedp.KeyEvent("\r", chromedp.KeyModifiers(chromedp.ModifierShift)))
	p.until("the cell runs", func(s sight) bool { return s.Cells[i].Prompt != before })
}

// page reads one of the desk's pages. While the lab writes it, it may be torn.
func (d *desk) page(t *testing.T, name string) (b book) {
	t.Helper()
	for begun := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		data, err := os.ReadFile(d.notebook(name))
		if err != nil {
			t.Fatal(err)
		}
		b = book{}
		if err = json.Unmarshal(data, &b); err == nil {
			return b
		}
		if time.Since(begun) > patience {
			t.Fatal(err)
		}
	}
}
