package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// cellError is a notebook's failure in one of its cells.
type cellError struct {
	Notebook string
	Cell     int    `json:"cell"` // from 1, prose cells counted too; 0: before the first one
	Cells    int    `json:"cells"`
	First    string `json:"first"` // the first line that does something
	Text     string `json:"text"`  // what the compiler, the program and the kernel said
}

func (e *cellError) Error() string {
	if e.Cell == 0 {
		return fmt.Sprintf("%s: the kernel did not start:\n%s", e.Notebook, tail(e.Text, 40))
	}
	return fmt.Sprintf("%s: cell %d of %d failed, the one that begins\n    %s\nIt said:\n%s", e.Notebook, e.Cell, e.Cells, e.First,
		tail(e.Text, 40))
}

// quickEnv shortens trainings; bnlib reads it. aloneEnv says that nobody watches; bnlib/show does.
const (
	quickEnv = "BATCHNORM_QUICK=1"
	aloneEnv = "BATCHNORM_ALONE=1"
)

// runAll runs notebooks in order, so many at a time; the first failure ends it.
func (w *workbook) runAll(ctx context.Context, names []string, quick bool, jobs int) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	free := make(chan struct{}, jobs)
	var work sync.WaitGroup
	for i, name := range names {
		free <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		fmt.Fprintf(w.out, "[%d/%d] %s\n", i+1, len(names), name)
		work.Go(func() {
			defer func() { <-free }()
			if err := w.runOne(ctx, name, quick); err != nil {
				fail(err)
			}
		})
	}
	work.Wait()
	return context.Cause(ctx)
}

// runOne runs a notebook and says how that went. A cell is told if it took its time; the others would only push it off the
// screen.
func (w *workbook) runOne(ctx context.Context, name string, quick bool) error {
	source := w.notebook(name)
	result := source
	if quick {
		result = filepath.Join(w.state(), "quick", name+".ipynb")
	}
	start := time.Now()
	err := w.execute(ctx, source, result, quick, func(cell, cells int, took time.Duration) {
		if took > 10*time.Second {
			fmt.Fprintf(w.out, "      %s, cell %d of %d: %s\n", name, cell, cells, seconds(took))
		}
	})
	if err != nil {
		return err
	}
	where := ""
	if quick {
		where = ", in " + result
	} else if err := w.writeThumbnail(name); err != nil {
		return fmt.Errorf("%s: its thumbnail: %w", name, err)
	}
	fmt.Fprintf(w.out, "      %s: done in %s%s\n", name, seconds(time.Since(start)), where)
	return nil
}

// execute runs one notebook through the kernel, in its own process. The result is written only if every cell
// succeeded; it may be the source itself. A failing cell is a *cellError.
func (w *workbook) execute(ctx context.Context, source, result string, quick bool,
	progress func(cell, cells int, took time.Duration)) error {
	name := strings.TrimSuffix(filepath.Base(source), ".ipynb")
	temp, err := newTemp() // what the kernel and the cells leave behind goes with it, even if they are killed
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer temp.remove()
	cmd := exec.CommandContext(ctx, w.python(), filepath.Join(w.folder(), "execute.py"), source, result, w.pages(), w.root)
	cmd.Env = w.env("JUPYTER_DATA_DIR="+w.jupyter("headless"), temp.env(), aloneEnv)
	cmd.ExtraFiles = temp.inherited()
	if quick {
		cmd.Env = append(cmd.Env, quickEnv)
	}
	interruptible(cmd)
	var said bytes.Buffer
	cmd.Stderr = &said
	events, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	done, failed := follow(events, progress)
	err = cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", name, ctx.Err())
	case failed != nil:
		failed.Notebook = name
		return failed
	case err != nil || !done:
		return fmt.Errorf("%s: the program that runs it gave up (%v):\n%s", name, err, tail(said.String(), 20))
	}
	return nil
}

// follow reads what execute.py reports until it ends.
func follow(r io.Reader, progress func(cell, cells int, took time.Duration)) (done bool, failed *cellError) {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, 16<<20)
	for scanner.Scan() {
		var event struct {
			Cell    int        `json:"cell"`
			Cells   int        `json:"cells"`
			Seconds float64    `json:"seconds"`
			Done    bool       `json:"done"`
			Failed  *cellError `json:"failed"`
		}
		if json.Unmarshal(scanner.Bytes(), &event) != nil {
			continue // a library of Python's talking
		}
		switch {
		case event.Done:
			done = true
		case event.Failed != nil:
			failed = event.Failed
		case event.Cell > 0:
			progress(event.Cell, event.Cells, time.Duration(event.Seconds*float64(time.Second)))
		}
	}
	// A line too long for the scanner must not leave the writer waiting for a reader.
	io.Copy(io.Discard, r)
	return done, failed
}
