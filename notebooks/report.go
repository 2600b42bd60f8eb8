package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// report says how one part of a work goes on, and keeps what its programs say in a log.
type report struct {
	name     string
	progress *progress
	log      *os.File
	begun    time.Time
}

// Write says a text on behalf of the part.
func (r *report) Write(text []byte) (int, error) {
	r.progress.say(r.name, string(text))
	return len(text), nil
}

// run runs a program; its words go to the log, and the last of them into the error if it fails.
func (r *report) run(cmd *exec.Cmd, advice string) error { return r.runTo(io.Discard, cmd, advice) }

// runTo is run for a program whose answer, on standard output, matters.
func (r *report) runTo(answer io.Writer, cmd *exec.Cmd, advice string) error {
	var said bytes.Buffer
	all := &together{w: io.MultiWriter(&said, r.log)}
	cmd.Stdout, cmd.Stderr = io.MultiWriter(answer, all), all
	interruptible(cmd)
	fmt.Fprintln(r.log, "$", strings.Join(cmd.Args, " "))
	err := cmd.Run()
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%s: %w\n%s\nall of it is in %s", strings.Join(cmd.Args[:min(3, len(cmd.Args))], " "), err,
		tail(said.String(), 15), r.log.Name())
	if advice != "" {
		err = fmt.Errorf("%w\n%s", err, advice)
	}
	return err
}

// together lets two pipes write to one place.
type together struct {
	mu sync.Mutex
	w  io.Writer
}

func (t *together) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.w.Write(p)
}

// interruptible makes a program stop tidily when its context ends.
func interruptible(cmd *exec.Cmd) {
	ownGroup(cmd)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
}

// tail returns the last n lines of s, indented.
func tail(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	lines = lines[max(0, len(lines)-n):]
	return "    " + strings.Join(lines, "\n    ")
}

// seconds writes a duration as people say it.
func seconds(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
}
