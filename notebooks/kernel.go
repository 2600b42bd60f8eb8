package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// kernelFormat changes when registerKernel writes something else than before.
const kernelFormat = "8"

// registerKernel tells the project's own Jupyter about the Go kernel, twice: once for JupyterLab, and once for notebooks
// that run without a reader, who need no help while typing and want errors as text.
func (w *workbook) registerKernel(ctx context.Context, r *report, goroot string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(w.bin(), "gonb"), "--install", "--force_deps", "--go_work="+w.root)
	cmd.Dir = w.root
	cmd.Env = w.env()
	if err := r.run(cmd, ""); err != nil {
		return err
	}
	data, err := os.ReadFile(w.kernel("data"))
	if err != nil {
		return err
	}
	var spec map[string]any
	if err := json.Unmarshal(data, &spec); err != nil {
		return fmt.Errorf("%s: %w", w.kernel("data"), err)
	}
	flags := w.cellFlags(ctx, r)
	path := []string{w.bin(), filepath.Join(goroot, "bin")}
	for _, kind := range []struct {
		data string
		path []string
		flag string
	}{
		{"data", append([]string{w.lsp()}, path...), "-raw_error=false"},
		{"headless", path, "-raw_error=true"},
	} {
		// Asked by a message, the kernel stops a cell only once its program runs, not while it is compiled.
		spec["interrupt_mode"] = "signal"
		// The kernel's log goes to a file, which begins anew at 10 MB: in the terminal it would drown the address of JupyterLab.
		spec["argv"] = []string{filepath.Join(w.bin(), "gonb"), "--kernel", "{connection_file}", "-go_work=" + w.root, kind.flag,
			"-logtostderr=false", "-stderrthreshold=FATAL", "-log_file_max_size=10", w.logFlag()}
		// Jupyter expands ${PATH} when it starts the kernel. GOFLAGS and GOWORK of the reader's own projects are not ours: an empty
		// GOFLAGS would let them in again.
		list := string(filepath.ListSeparator)
		spec["env"] = map[string]string{
			"PATH":    strings.ReplaceAll(strings.Join(kind.path, list), "$", "$$") + list + "${PATH}",
			"GOFLAGS": flags,
			"GOWORK":  "",
		}
		data, err := json.MarshalIndent(spec, "", "  ")
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(w.kernel(kind.data)), 0o755); err != nil {
			return err
		}
		if err := writeFile(w.kernel(kind.data), append(data, '\n')); err != nil {
			return err
		}
	}
	return nil
}

// logFlag is the kernel's option that names its log.
func (w *workbook) logFlag() string { return "-log_file=" + filepath.Join(w.state(), "kernel.log") }

// cellFlags returns the GOFLAGS that cells are built with. Most of the wait for a cell is for the linker: it is faster without
// tables for a debugger, without collecting garbage, and without C's linker, which XLA's bindings would have it call. To
// do without that is not promised to work everywhere, so the backend's own program tries it.
func (w *workbook) cellFlags(ctx context.Context, r *report) string {
	const common = "-mod=readonly '-toolexec=env GOGC=off' "
	if runtime.GOOS == "linux" {
		if _, err := w.backend(ctx, r, []string{"-ldflags=-s -w -linkmode=internal"}); err == nil {
			return common + "'-ldflags=-s -w -linkmode=internal'"
		}
	}
	return common + "'-ldflags=-s -w'"
}
