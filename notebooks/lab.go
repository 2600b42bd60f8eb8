package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
)

// lab opens JupyterLab as the command says and stays until it ends.
func (w *workbook) lab(ctx context.Context, c command) error {
	temp, err := newTemp() // what kernels leave behind goes with it
	if err == nil {
		err = w.sweepRuntime()
	}
	if err != nil {
		return fmt.Errorf("JupyterLab: %w", err)
	}
	defer temp.remove()
	cmd := exec.CommandContext(ctx, w.python(), w.labArgs(c)...)
	cmd.Dir = w.desk()
	cmd.Env = w.env(temp.env())
	cmd.ExtraFiles = temp.inherited()
	cmd.Stderr = os.Stderr // where Jupyter writes its address
	interruptible(cmd)
	// Interrupted, the server leaves its kernels running; terminated, it ends them.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	fmt.Fprintln(w.out, "Opening JupyterLab; Ctrl-C here ends it.")
	behind, quit := context.WithCancel(ctx)
	var work sync.WaitGroup
	work.Go(func() { w.trust(behind) }) // done before a browser can have opened a notebook
	work.Go(func() { w.finish(behind) })
	err = cmd.Run()
	quit()
	work.Wait()
	if ctx.Err() != nil {
		fmt.Fprintln(w.out, "JupyterLab has ended.")
		return nil
	}
	if err != nil {
		return fmt.Errorf("JupyterLab ended (%w); what it said stands above", err)
	}
	return nil
}

// finish does what set-up left for later, and says only what comes of it: the address of JupyterLab is to stay in sight.
func (w *workbook) finish(ctx context.Context) {
	var said bytes.Buffer
	beside := w.installed()
	beside.out = &said
	err := beside.setup(ctx, later)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		fmt.Fprintf(w.out, "There is no help while typing: %v\n", err)
	case said.Len() > 0:
		fmt.Fprintln(w.out, "Help while typing is there for kernels that start from now on (Kernel, Restart Kernel).")
	}
}

// labArgs returns the command line of JupyterLab, for Python.
func (w *workbook) labArgs(c command) []string {
	args := []string{"-m", "jupyterlab",
		"--ServerApp.root_dir=" + w.desk(),
		"--Application.log_level=ERROR",
		"--LabApp.custom_css=True",
		"--LabApp.extra_labextensions_path=" + filepath.Join(w.jupyter("config"), "labextensions"),
		"--LabApp.extension_manager=readonly", // nothing to install from the network
		"--LabApp.news_url=None",
		"--LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate",
		"--KernelSpecManager.ensure_native_kernel=False",
		"--KernelSpecManager.allowed_kernelspecs=gonb", // the only one the workbook is about
		"--FileCheckpoints.checkpoint_dir=" + w.jupyter("checkpoints"),
		`--ContentsManager.hide_globs=["__pycache__","thumbnails"]`,
	}
	if names, err := w.notebooks(); err == nil && len(names) > 0 {
		args = append(args, "--LabApp.default_url=/lab/tree/"+names[0]+".ipynb")
	}
	if c.jupyter == nil {
		args = append(args, "--ServerApp.ip="+c.ip, "--ServerApp.port="+strconv.Itoa(c.port), "--ServerApp.base_url="+c.baseURL)
	}
	if c.noBrowser || !display() {
		args = append(args, "--no-browser")
	}
	if os.Geteuid() == 0 {
		args = append(args, "--allow-root") // containers; Jupyter refuses root otherwise
	}
	return append(args, c.jupyter...)
}

// display tells whether there is a screen to open a browser on.
func display() bool {
	if runtime.GOOS != "linux" {
		return true
	}
	return slices.ContainsFunc([]string{"DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"}, func(name string) bool {
		return os.Getenv(name) != ""
	})
}
