package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestSite opens the exported site in a browser: as a web server shows it below a path of its own, and as it lies on a disk. No page
// asks for anything outside the site, and none reports an error.
func TestSite(t *testing.T) {
	path := chromium(t)
	w := ready(t)
	names, err := w.resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "a site")
	if err := w.export(t.Context(), names, dir, ""); err != nil {
		t.Fatal(err)
	}
	ctx := beforeTimeout(t)
	profile := t.TempDir()
	t.Cleanup(func() { leftBehind(t, profile) })
	browser := openBrowser(ctx, t, path, profile)
	server := httptest.NewServer(http.StripPrefix("/below/this", http.FileServer(http.Dir(dir))))
	t.Cleanup(server.Close)
	for _, place := range []struct{ name, base string }{
		{"server", server.URL + "/below/this/"},
		{"disk", "file://" + filepath.ToSlash(dir) + "/"},
	} {
		s := &visit{browser: browser, base: strings.ReplaceAll(place.base, " ", "%20"), names: names}
		for _, test := range []struct {
			name string
			do   func(*testing.T, *visit)
		}{
			{"figures", siteFigures}, {"slider", siteSlider}, {"search", siteSearch}, {"phone", sitePhone}, {"themes", siteThemes}, {"paper", sitePaper}, {"no JavaScript", siteWithoutScript},
		} {
			t.Run(place.name+"/"+test.name, func(t *testing.T) { test.do(t, s) })
		}
	}
}

// visit is a browser with a site.
type visit struct {
	browser context.Context
	base    string
	names   []string
}

// open opens a tab in which the steps are done, and in it a page of the site. When the test ends, it fails if the tab asked for anything
// outside the site or reported an error.
func (s *visit) open(t *testing.T, page string, steps ...chromedp.Action[chromedp.Void]) *tab {
	t.Helper()
	ctx, stop := chromedp.NewContext(s.browser)
	t.Cleanup(stop)
	p := &tab{T: t, name: page, ctx: ctx}
	var lock sync.Mutex
	var faults []string
	if err := chromedp.Listen(ctx, func(event any) {
		fault := ""
		switch e := event.(type) {
		case *network.EventRequestWillBeSent:
			if u := e.Request.URL; !strings.HasPrefix(u, s.base) && !strings.HasPrefix(u, "data:") && u != "about:blank" {
				fault = "it asks for " + u
			}
		case *runtime.EventExceptionThrown:
			fault = e.ExceptionDetails.Text
			if e.ExceptionDetails.Exception != nil {
				fault += " " + e.ExceptionDetails.Exception.Description
			}
		case *runtime.EventConsoleAPICalled:
			if e.Type == runtime.ConsoleAPICalledTypeError {
				fault = fmt.Sprintf("an error on its console: %s", e.Args[0].Description)
			}
		case *log.EventEntryAdded:
			if e.Entry.Level == log.EntryLevelError {
				fault = fmt.Sprintf("%s: %s", e.Entry.Text, e.Entry.URL)
			}
		}
		if fault != "" {
			lock.Lock()
			defer lock.Unlock()
			faults = append(faults, fault)
		}
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		lock.Lock()
		defer lock.Unlock()
		for _, fault := range faults {
			t.Errorf("%s: %s", page, fault)
		}
	})
	p.do(append(steps, wants("prefers-reduced-motion", "reduce"))...) // else a page still scrolls while it is measured
	s.goTo(p, page)
	return p
}

// goTo opens another page in a tab.
func (s *visit) goTo(p *tab, page string) {
	p.Helper()
	p.name = page
	file, query, _ := strings.Cut(page, "?")
	p.do(chromedp.Navigate(s.base + file + ".html?" + query))
}

// wait waits until an expression is true on the page. In between the page may go to another, where the expression fails.
func (p *tab) wait(what, expression string) {
	p.Helper()
	var err error
	for begun := time.Now(); time.Since(begun) < patience && p.ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
		var shown bool
		if shown, err = chromedp.Run(p.ctx, chromedp.Evaluate[bool](expression)); shown {
			return
		}
	}
	p.Fatalf("%s does not show, after %v, that %s; the last error is %v%s", p.name, patience, what, err, p.shot())
}

func window(width, height int64) chromedp.Action[chromedp.Void] {
	return chromedp.EmulateViewport(width, height)
}

// wants makes the browser say of its reader what a style sheet may ask.
func wants(what, value string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: what, Value: value}}})
		return err
	})
}

// siteFigures reads a page to its end: every figure is drawn in the place of its picture, and what stands below it does not move.
func siteFigures(t *testing.T, s *visit) {
	p := s.open(t, "01_signal", window(1280, 900))
	count := eval[int](p, `(document.querySelectorAll("details").forEach(d => d.open = true), document.querySelectorAll("figure.vega").length)`)
	if count == 0 {
		t.Fatal("the page has no figures")
	}
	for i := range count {
		figure := fmt.Sprintf(`document.querySelectorAll("figure.vega")[%d]`, i)
		p.find(figure)
		p.wait(fmt.Sprintf("figure %d is drawn", i+1), figure+`.matches(".drawn:has(canvas)") && getComputedStyle(`+figure+`.querySelector("img")).display == "none"`)
		size := eval[struct{ Now, Before, Wide, Label float64 }](p, fmt.Sprintf(`(f => ({
			Now: f.offsetHeight, Before: parseFloat(f.style.minHeight), Wide: f.scrollWidth - f.clientWidth,
			Label: (f.querySelector("[role=graphics-document]")?.ariaLabel ?? "").length,
		}))(%s)`, figure))
		if size.Now > size.Before+4 || size.Wide > 10 || size.Label < 20 {
			t.Errorf("figure %d is %v pixels high, was %v; %v too wide; its description has %v letters", i+1, size.Now, size.Before, size.Wide, size.Label)
		}
	}
	p.shot()
}

// siteSlider moves the slider of a page by mouse and keyboard.
func siteSlider(t *testing.T, s *visit) {
	p := s.open(t, "01_signal", window(1024, 768))
	const figure = `[...document.querySelectorAll("figure.vega")].find(f => f.querySelector("script").textContent.includes('"input":"range"'))`
	p.find(figure)
	p.wait("the slider is there", `!!document.querySelector("figure input[type=range]")`)
	slider := figure + `.querySelector("input[type=range]")`
	picture := func() string { return eval[string](p, figure+`.querySelector("canvas").toDataURL()`) }
	before, from := picture(), eval[float64](p, slider+".valueAsNumber")
	at := p.find(slider)
	p.do(chromedp.DragAndDropXY(at.X, at.Y, at.X+60, at.Y))
	p.wait("the slider has moved", fmt.Sprintf("%s.valueAsNumber != %v", slider, from))
	from = eval[float64](p, slider+".valueAsNumber")
	p.do(chromedp.KeyEvent(kb.ArrowRight))
	p.wait("the slider moves by the keyboard", fmt.Sprintf("%s.valueAsNumber > %v", slider, from))
	for begun := time.Now(); picture() == before; time.Sleep(50 * time.Millisecond) {
		if time.Since(begun) > patience {
			t.Fatalf("the figure does not follow%s", p.shot())
		}
	}
	p.shot()
}

// siteSearch types a word and follows what is found.
func siteSearch(t *testing.T, s *visit) {
	p := s.open(t, "index", window(1280, 900))
	p.click(selector(".sidebar-search"))
	p.do(chromedp.KeyEvent("autodiff\r"))
	const found = `[...document.querySelectorAll("#search-results li a")].find(a => a.href.includes("02_batch_norm"))`
	p.wait("a page is found", "!!"+found)
	p.shot()
	p.do(chromedp.Evaluate[chromedp.Void](found + `.click()`)) // not by the mouse: summaries that come later move it away
	p.wait("the page is there", `location.pathname.endsWith("/02_batch_norm.html") && !!document.querySelector("article")?.textContent.includes("autodiff")`)
	p.name = "search?q=zebra"
	s.goTo(p, p.name)
	p.wait("nothing is found", `document.querySelector("#search-results")?.textContent.includes("did not match")`)
}

// sitePhone opens every page on a phone: it is not wider than the window, what is lies in something that scrolls, and the other pages
// can be reached by the keyboard.
func sitePhone(t *testing.T, s *visit) {
	p := s.open(t, "index", window(390, 844))
	for _, name := range append([]string{"index", "search?q=batch"}, s.names...) {
		s.goTo(p, name)
		if wide := eval[int](p, `Math.max(document.documentElement.scrollWidth, document.querySelector(".content").scrollWidth)`); wide > 390 {
			t.Errorf("%s is %d pixels wide%s", name, wide, p.shot())
		}
	}
	s.goTo(p, "11_experiment_1")
	const table = `document.querySelector(".scroll:not(details *):has(> table)")`
	p.find(table)
	p.wait("a wide table scrolls, by the keyboard too, and fades", table+`.matches(".more[tabindex='0']")`)
	p.shot()
	p.do(chromedp.Evaluate[chromedp.Void](table + `.focus()`))
	for range 20 {
		p.do(chromedp.KeyEvent(kb.ArrowRight))
	}
	p.wait("it is scrolled", table+`.scrollLeft > 0 && location.pathname.endsWith("/11_experiment_1.html")`)

	const other = `document.querySelector('.sidebar-tree a[href="12_experiment_2.html"]').checkVisibility({visibilityProperty: true})`
	if eval[bool](p, other) {
		t.Error("the folded list of pages is in the way of the keyboard")
	}
	p.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#__navigation").focus()`), chromedp.KeyEvent(" "))
	p.wait("the list of pages opens", other)
	p.shot()
}

// siteThemes looks whether texts can be read, in both themes, as the reader's system wants it.
func siteThemes(t *testing.T, s *visit) {
	for _, theme := range []string{"light", "dark"} {
		p := s.open(t, "02_batch_norm", window(1280, 900))
		p.do(wants("prefers-color-scheme", theme))
		dark := eval[bool](p, `(([r]) => r < 128)(getComputedStyle(document.body).backgroundColor.match(/\d+/g))`)
		if dark != (theme == "dark") {
			t.Errorf("%s: the page is dark: %v", theme, dark)
		}
		p.find(`document.querySelector("figure.vega")`)
		p.wait("a figure is drawn", `!!document.querySelector("figure.drawn canvas")`)
		p.readable("article :is(h1, p, td, th, summary, caption), .highlight span, pre.output, .sidebar-tree a, .toc-tree a")
		p.shot()
	}
}

// sitePaper looks at a page as it is printed: pictures in the place of what was drawn, answers unfolded, no other pages beside it.
func sitePaper(t *testing.T, s *visit) {
	p := s.open(t, "00_start_here", window(1280, 900))
	p.find(`document.querySelector("figure.vega:not(details *)")`)
	p.wait("a figure is drawn", `!!document.querySelector("figure.drawn canvas")`)
	p.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
		return err
	}))
	p.wait("figures are pictures", `[...document.querySelectorAll("figure.vega img")].every(e => e.checkVisibility({contentVisibilityAuto: true})) &&
		[...document.querySelectorAll("figure canvas")].every(e => !e.checkVisibility())`)
	p.wait("answers are unfolded", `document.querySelector("details ol").checkVisibility({contentVisibilityAuto: true})`)
	p.wait("nothing stands beside it", `!document.querySelector(".sidebar-tree").checkVisibility() && !document.querySelector(".toc-tree").checkVisibility()`)
	p.shot()
}

// siteWithoutScript reads a page where JavaScript is off: pictures in the place of figures, the other pages and the contents beside it.
func siteWithoutScript(t *testing.T, s *visit) {
	p := s.open(t, "01_signal", window(1280, 900), chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
	p.find(`document.querySelector("figure.vega img")`)
	p.wait("its pictures show", `[...document.querySelectorAll("figure.vega")].every(f => f.querySelector("img").naturalWidth > 0 && !f.querySelector("canvas")) &&
		document.querySelector("figure.vega img").checkVisibility()`)
	p.wait("pages and contents stand beside it", `document.querySelectorAll(".sidebar-tree a, .toc-tree li li a").length > 10 &&
		[...document.querySelectorAll(".sidebar-tree a, .toc-tree li li a")].every(a => a.checkVisibility({visibilityProperty: true}))`)
	p.shot()
	p.click(`document.querySelector('.related-pages a.next-page')`)
	p.wait("the next page is there", `location.pathname.endsWith("/02_batch_norm.html") && !!document.querySelector("math")`)
}
