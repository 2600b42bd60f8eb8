package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// progress tells of parts of a work that are done at the same time, a line each, with the part's name in front.
type progress struct {
	mu    sync.Mutex
	out   io.Writer
	begun time.Time
	parts []string // at work now
	stop  func()
}

// watch begins a work. When it takes long it says so now and then, so that slow work looks different from dead work.
func watch(out io.Writer) *progress {
	p := &progress{out: out, begun: time.Now()}
	tick := time.NewTicker(15 * time.Second)
	quit, stopped := make(chan struct{}), make(chan struct{})
	p.stop = func() {
		close(quit)
		<-stopped
	}
	go func() {
		defer close(stopped)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				p.mu.Lock()
				parts := strings.Join(p.parts, ", ")
				p.mu.Unlock()
				p.say("…", seconds(time.Since(p.begun))+": "+parts)
			case <-quit:
				return
			}
		}
	}()
	return p
}

// end ends the work and returns how long it took.
func (p *progress) end() time.Duration {
	p.stop()
	return time.Since(p.begun)
}

// say writes a text, its lines below one another.
func (p *progress) say(name, text string) {
	text = strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n"+strings.Repeat(" ", 12))
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.out, "  %-9s %s\n", name, text)
}

// start announces a part.
func (p *progress) start(name, title string, log *os.File) *report {
	p.mu.Lock()
	p.parts = append(p.parts, name)
	p.mu.Unlock()
	p.say(name, title)
	return &report{name: name, progress: p, log: log, begun: time.Now()}
}

// end ends a part with what there is to say of it.
func (r *report) end(text string) {
	r.progress.mu.Lock()
	r.progress.parts = slices.DeleteFunc(r.progress.parts, func(name string) bool { return name == r.name })
	r.progress.mu.Unlock()
	if text != "" {
		r.progress.say(r.name, text)
	}
}
