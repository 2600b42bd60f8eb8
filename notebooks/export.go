package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"
)

// export writes notebooks as static HTML into dir, with the outputs that they hold.
func (w *workbook) export(ctx context.Context, names []string, dir string) error {
	if dir == "" {
		dir = filepath.Join(w.state(), "site")
	}
	start := time.Now()
	args := []string{filepath.Join(w.folder(), "export.py"), dir}
	for _, name := range names {
		args = append(args, w.notebook(name))
	}
	cmd := exec.CommandContext(ctx, w.python(), args...)
	cmd.Env = w.env()
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	interruptible(cmd)
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("export: %w\n%s", err, tail(said.String(), 15))
	}
	fmt.Fprintf(w.out, "Wrote %d notebooks in %s; begin at %s\n", len(names), seconds(time.Since(start)),
		filepath.Join(dir, "index.html"))
	return nil
}
