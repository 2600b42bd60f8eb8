package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// sweep builds the command of bnlib/sweep and lets it take over: its exit code, which tells a scheduler whether to try again, is
// this program's. (go run has none but 1: schedulers start what go build made.) It needs no Jupyter.
func (w *workbook) sweep(ctx context.Context, args []string) error {
	temp, err := newTemp()
	if err != nil {
		return err
	}
	defer temp.remove()
	program := filepath.Join(temp.dir, "sweep")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "./bnlib/sweep")
	build.Dir = w.root
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building bnlib/sweep: %w\n%s", err, out)
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // it stops tidily, within a second or so
	cmd.ExtraFiles = temp.inherited()
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() {
		return exitCode(exit.ExitCode())
	}
	return err
}

// exitCode is how a program ended that takes the place of this one.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }
