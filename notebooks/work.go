package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"batchnorm/bnlib/host"
)

// workEnv names the environment variable for the reader's own folder. With it neither the clone nor what set-up installed is
// written to, so that they can lie in an image or be shared: the reader's pages lie in that folder, and what runs leave behind
// in .batchnorm in it.
const workEnv = "BATCHNORM_WORK"

// findWork finds the reader's own folder, makes it, and tells bnlib where in it runs and programs are kept, and where set-up
// installed XLA: from that folder, which lies outside the clone, cells would not find it. On a read-only file system there is no
// folder that lasts.
func (w *workbook) findWork() error {
	dir := os.Getenv(workEnv)
	if dir == "" {
		return nil
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("%s: %w", workEnv, err)
	}
	w.work = dir
	err = writable(w.state())
	if errors.Is(err, syscall.EROFS) {
		if dir, err = private("work"); err == nil {
			fmt.Fprintf(w.out, "%s cannot be written, so nothing is kept: pages and runs go to %s. To keep them, mount a folder there.\n", w.work, dir)
			w.work = dir
			err = writable(w.state())
		}
	}
	if err != nil {
		return fmt.Errorf("the reader's folder, %s=%s, cannot be written as user %d: %w\n"+
			"let that user write there, run this as the user whose folder it is (--user), or name another folder", workEnv, w.work, os.Getuid(), err)
	}
	for name, folder := range map[string]string{
		host.DirEnv: w.home, host.RunsEnv: filepath.Join(w.state(), "runs"), host.ProgramsEnv: filepath.Join(w.state(), "programs"),
	} {
		if os.Getenv(name) == "" {
			if err := os.Setenv(name, folder); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return nil
}

// pages is the folder of the notebooks that are read and run.
func (w *workbook) pages() string {
	if w.work != "" {
		return w.work
	}
	return w.folder()
}

// state is the folder for what runs leave behind.
func (w *workbook) state() string {
	if w.work != "" {
		return filepath.Join(w.work, ".batchnorm")
	}
	return w.home
}

// runtime is the folder in which a running JupyterLab and its kernels note how to reach them: not in a folder that several
// machines may have mounted, nor where files cannot be hidden from other users, which Jupyter insists on.
func (w *workbook) runtime() string {
	if w.work == "" {
		return w.jupyter("runtime")
	}
	dir, err := private("runtime")
	if err != nil {
		return w.jupyter("runtime")
	}
	return dir
}

// installed is the workbook as set-up sees it, without the reader's folder.
func (w *workbook) installed() *workbook { return &workbook{root: w.root, home: w.home, out: w.out} }

// moveIn puts what set-up made for the clone into the reader's folder, as far as it has to be written there: Jupyter's settings.
func (w *workbook) moveIn() error {
	if w.work == "" {
		return nil
	}
	for _, kind := range []string{"data", "headless"} {
		if err := w.adoptKernel(kind); err != nil {
			return fmt.Errorf("the reader's folder: %w", err)
		}
	}
	if err := w.settings(); err != nil {
		return fmt.Errorf("the reader's folder: %w", err)
	}
	return nil
}

// adoptKernel writes a kernel's specification with its log in the reader's folder: a kernel whose log cannot be written ends.
func (w *workbook) adoptKernel(kind string) error {
	installed := w.installed()
	text, err := os.ReadFile(installed.kernel(kind))
	if err != nil {
		return err
	}
	var spec map[string]any
	if err := json.Unmarshal(text, &spec); err != nil {
		return fmt.Errorf("%s: %w", installed.kernel(kind), err)
	}
	argv, _ := spec["argv"].([]any)
	for i, arg := range argv {
		if arg == installed.logFlag() {
			argv[i] = w.logFlag()
		}
	}
	text, err = json.MarshalIndent(spec, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(w.kernel(kind)), 0o755); err != nil {
		return err
	}
	return writeFile(w.kernel(kind), append(text, '\n'))
}

// canRun finds out whether programs can be run among temporary files, as cells are.
func canRun(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "can-run-")
	if err != nil {
		return fmt.Errorf("nothing can be written to %s, the folder for temporary files: %w", os.TempDir(), err)
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "program")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil {
		return fmt.Errorf("nothing can be written to %s, the folder for temporary files: %w", os.TempDir(), err)
	}
	if err := exec.CommandContext(ctx, program).Run(); errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("no program can be run in %s, where cells are compiled to: %w\n"+
			"mount it so that they can (of a container: --tmpfs /tmp:exec), or name another folder in TMPDIR", os.TempDir(), err)
	}
	return nil
}

// writable makes a folder, if it is not there, and writes into it.
func writable(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// private makes a folder among temporary files that only this user can use, the same one every time.
func private(name string) (string, error) {
	ours := filepath.Join(os.TempDir(), fmt.Sprintf("batchnorm-%d", os.Getuid()))
	if err := os.Mkdir(ours, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	// Only its owner can change a folder's mode, and a link is nobody's folder.
	if info, err := os.Lstat(ours); err != nil {
		return "", err
	} else if !info.IsDir() {
		return "", fmt.Errorf("%s is not a folder", ours)
	}
	if err := os.Chmod(ours, 0o700); err != nil {
		return "", err
	}
	dir := filepath.Join(ours, name)
	return dir, os.MkdirAll(dir, 0o700)
}
