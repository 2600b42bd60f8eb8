package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"batchnorm/bnlib/host"

	"github.com/gofrs/flock"
)

// step is one part of set-up: what it makes, what that was made from, and how.
type step struct {
	name  string
	title string
	makes []string                            // files; if one is missing the step is done again
	key   func(context.Context) string        // what the product depends on, in one word; empty: not to be told
	do    func(context.Context, *tasks) error // from scratch, whatever an interrupted attempt left behind
}

// setup makes everything that the notebooks need, and nothing twice.
func (w *workbook) setup(ctx context.Context) error {
	steps, err := w.steps(ctx)
	if err != nil {
		return err
	}
	return w.carryOut(ctx, steps)
}

// carryOut does the steps that are not done yet, in order, and notes each as it ends: an interrupted set-up goes on where
// it stopped.
func (w *workbook) carryOut(ctx context.Context, steps []step) error {
	if len(w.stale(ctx, steps)) == 0 {
		return nil
	}
	unlock, err := w.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	stale := w.stale(ctx, steps) // another set-up may have done them while this one waited
	if len(stale) == 0 {
		return nil
	}
	log, err := os.Create(w.log())
	if err != nil {
		return fmt.Errorf("set-up: %w", err)
	}
	defer log.Close()
	start := time.Now()
	t := &tasks{out: w.out, log: log, logPath: w.log()}
	fmt.Fprintf(w.out, "Setting up in %s (deleting that folder undoes it).\n", w.home)
	for i, s := range stale {
		// What an interrupted attempt leaves may look whole; an old note must not vouch for it.
		if err := w.stamp(s.name, ""); err != nil {
			return fmt.Errorf("set-up: %w", err)
		}
		done := t.start(fmt.Sprintf("[%d/%d] %s", i+1, len(stale), s.title))
		err := s.do(ctx, t)
		done(err)
		if _, ok := errors.AsType[*postponed](err); ok {
			fmt.Fprintf(w.out, "      %v\n", err)
			continue
		}
		if err != nil {
			return fmt.Errorf("set-up, %s: %w", s.name, err)
		}
		if err := w.stamp(s.name, s.key(ctx)); err != nil {
			return fmt.Errorf("set-up: %w", err)
		}
	}
	fmt.Fprintf(w.out, "Set up in %s.\n", seconds(time.Since(start)))
	return nil
}

// steps returns the parts of set-up in order.
func (w *workbook) steps(ctx context.Context) ([]step, error) {
	if runtime.GOOS == "windows" {
		return nil, errors.New("the Go kernel of the notebooks (GoNB) runs on Linux and macOS; on Windows clone the workbook " +
			"inside WSL (wsl --install, then a terminal of the distribution)")
	}
	if strings.Contains(w.root, ",") {
		return nil, fmt.Errorf("the path of the clone, %s, holds a comma, which the Go kernel takes for the end of the path; "+
			"move the clone or rename the folder", w.root)
	}
	goroot, err := goroot(ctx, w.root)
	if err != nil {
		return nil, err
	}
	requirements, err := os.ReadFile(filepath.Join(w.folder(), "requirements.txt"))
	if err != nil {
		return nil, fmt.Errorf("set-up: %w", err)
	}
	gomod, err := os.ReadFile(filepath.Join(w.root, "go.mod"))
	if err != nil {
		return nil, fmt.Errorf("set-up: %w", err)
	}
	gosum, err := os.ReadFile(filepath.Join(w.root, "go.sum"))
	if err != nil {
		return nil, fmt.Errorf("set-up: %w", err)
	}
	// The paths are part of every key: what is installed names them, so a clone that moved is set up anew.
	place := digest(w.root, w.home)
	golang := digest(place, goroot, runtime.Version(), string(gomod), string(gosum))
	always := func(key string) func(context.Context) string {
		return func(context.Context) string { return key }
	}
	steps := []step{{
		name:  "packages",
		title: "Python packages: JupyterLab and what it needs, in an environment of their own",
		makes: []string{w.python(), w.packages().Config()},
		key: func(ctx context.Context) string {
			version := w.packages().Version(ctx)
			if version == "" {
				return ""
			}
			return digest(place, version, os.Getenv(host.PythonEnv), string(requirements))
		},
		do: func(ctx context.Context, t *tasks) error { return w.packages().Install(ctx, t.out, t.run) },
	}, {
		name:  "tools",
		title: "Go kernel: gonb, goimports and gopls, built from go.mod",
		makes: []string{filepath.Join(w.bin(), "gonb"), filepath.Join(w.bin(), "goimports"), filepath.Join(w.lsp(), "gopls")},
		key:   always(digest(golang, toolsFormat)),
		do:    w.installTools,
	}, {
		name:  "kernel",
		title: "Go kernel: registered with the project's own Jupyter",
		makes: []string{w.kernel("data"), w.kernel("headless")},
		key:   always(digest(golang, kernelFormat)),
		do: func(ctx context.Context, t *tasks) error {
			return w.registerKernel(ctx, t, goroot)
		},
	}, {
		name:  "build",
		title: "The workbook's packages, compiled so that the first cell need not",
		key:   always(golang),
		do:    w.build,
	}, {
		name:  "backend",
		title: "Compute backend: found, or installed",
		key:   always(digest(golang, os.Getenv("GOMLX_BACKEND"))),
		do: func(ctx context.Context, t *tasks) error {
			found, err := w.backend(ctx, t)
			if err != nil && ctx.Err() == nil {
				return &postponed{err} // cells say the same, and a later start tries again
			}
			fmt.Fprintf(t.out, "      %s\n", found)
			return err
		},
	}}
	return steps, nil
}

// stale returns the steps that have to be done: those whose product is missing or was made from something else.
func (w *workbook) stale(ctx context.Context, steps []step) []step {
	stamps := w.stamps()
	var stale []step
	for _, s := range steps {
		fresh := stamps[s.name] != ""
		for _, path := range s.makes {
			_, err := os.Stat(path)
			fresh = fresh && err == nil
		}
		if !fresh || stamps[s.name] != s.key(ctx) {
			stale = append(stale, s)
		}
	}
	return stale
}

// lock keeps two set-ups from working in one folder at the same time. The operating system frees the lock of a process
// that dies, so a set-up that was killed blocks nobody.
func (w *workbook) lock(ctx context.Context) (unlock func(), err error) {
	l := flock.New(filepath.Join(w.home, "setup.lock"))
	locked, err := l.TryLock()
	if err == nil && !locked {
		fmt.Fprintln(w.out, "Another set-up is at work in this clone; waiting for it.")
		_, err = l.TryLockContext(ctx, 200*time.Millisecond)
	}
	if err != nil {
		return nil, fmt.Errorf("set-up: waiting for another set-up: %w", err)
	}
	return func() { l.Unlock() }, nil
}

// installTools builds the kernel and its two helpers in the versions of go.sum.
func (w *workbook) installTools(ctx context.Context, t *tasks) error {
	for bin, packages := range map[string][]string{
		w.bin():                           {"github.com/janpfeifer/gonb", "golang.org/x/tools/cmd/goimports"},
		filepath.Join(w.lsp(), "program"): {"golang.org/x/tools/gopls"},
	} {
		cmd := exec.CommandContext(ctx, "go", append([]string{"install"}, packages...)...)
		cmd.Dir = w.root
		cmd.Env = append(os.Environ(), "GOBIN="+bin, "GOFLAGS=-mod=readonly", "GOWORK=off")
		if err := t.run(cmd, "is the Go module proxy reachable (go env GOPROXY)?"); err != nil {
			return err
		}
	}
	return w.wrapGopls()
}

// wrapGopls writes a script in front of gopls that lets it end by itself: when its kernel is killed, nobody ends it.
func (w *workbook) wrapGopls() error {
	path := filepath.Join(w.lsp(), "gopls")
	program := filepath.Join(w.lsp(), "program", "gopls")
	quoted := "'" + strings.ReplaceAll(program, "'", `'\''`) + "'"
	return os.WriteFile(path, []byte("#!/bin/sh\nexec "+quoted+" -listen.timeout=1m \"$@\"\n"), 0o755)
}

// build compiles what cells import. GoMLX takes over a minute, and a first cell that long looks like one that hangs.
func (w *workbook) build(ctx context.Context, t *tasks) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-tags=cells", "./bnlib/...", "./notebooks/...")
	cmd.Dir = w.root
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "GOWORK=off")
	if err := t.run(cmd, ""); err != nil {
		if ctx.Err() != nil {
			return err
		}
		if fault := compilerFault(ctx, w.root); fault != "" {
			err = fmt.Errorf("%w\n%s", err, fault)
		}
		// A reader who breaks a package while changing it still gets notebooks.
		return &postponed{fmt.Errorf("not all of it compiles, so cells may not either: %w", err)}
	}
	return nil
}

// backend opens the compute backend in a program of its own and returns its name.
func (w *workbook) backend(ctx context.Context, t *tasks) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "run", "./notebooks/openbackend")
	cmd.Dir = w.root
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "GOWORK=off")
	var name bytes.Buffer
	err := t.runTo(&name, cmd, "")
	return strings.TrimSpace(name.String()), err
}

// postponed is a failure that set-up can live with; the step is tried again next time.
type postponed struct{ error }

// goroot returns the Go installation that builds this module.
func goroot(ctx context.Context, root string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "env", "GOROOT")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("the go command does not answer (%w); put the folder of Go's programs into PATH", err)
	}
	return string(bytes.TrimSpace(out)), nil
}

// goEnv returns a setting of the go command, empty if it has none.
func goEnv(ctx context.Context, root, name string) string {
	cmd := exec.CommandContext(ctx, "go", "env", name)
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(out))
}

// compilerFault says why Go cannot use a C compiler here, and what to do; empty if it can. XLA is loaded through C.
func compilerFault(ctx context.Context, root string) string {
	words := strings.Fields(goEnv(ctx, root, "CC"))
	if len(words) == 0 {
		return "go env CC names no C compiler. " + host.Hint(host.Compiler)
	}
	if _, err := exec.LookPath(words[0]); err != nil {
		return fmt.Sprintf("there is no C compiler %s. %s", words[0], host.Hint(host.Compiler))
	}
	if goEnv(ctx, root, "CGO_ENABLED") != "1" {
		return "CGO_ENABLED is set to 0; the XLA backend needs it to be 1, or not set."
	}
	return ""
}

// toolsFormat changes when installTools leaves something else than before.
const toolsFormat = "1"

// kernelFormat changes when registerKernel or quieten writes something else than before.
const kernelFormat = "6"

// registerKernel tells the project's own Jupyter about the Go kernel, twice: once for JupyterLab, and once for notebooks
// that run without a reader, who need no help while typing and want errors as text.
func (w *workbook) registerKernel(ctx context.Context, t *tasks, goroot string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(w.bin(), "gonb"), "--install", "--force_deps", "--go_work="+w.root)
	cmd.Dir = w.root
	cmd.Env = w.env()
	if err := t.run(cmd, ""); err != nil {
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
		// The kernel's log goes to a file: in the terminal it would drown the address of JupyterLab.
		spec["argv"] = []string{filepath.Join(w.bin(), "gonb"), "--kernel", "{connection_file}", "-go_work=" + w.root, kind.flag,
			"-logtostderr=false", "-stderrthreshold=FATAL", "-log_file=" + filepath.Join(w.home, "kernel.log")}
		// Jupyter expands ${PATH} when it starts the kernel. GOFLAGS and GOWORK of the reader's own projects are not ours: an empty
		// GOFLAGS would let them in again. Without tables for a debugger a cell links in half the time.
		list := string(filepath.ListSeparator)
		spec["env"] = map[string]string{
			"PATH":    strings.ReplaceAll(strings.Join(kind.path, list), "$", "$$") + list + "${PATH}",
			"GOFLAGS": "-mod=readonly -ldflags=-s",
			"GOWORK":  "",
		}
		data, err := json.MarshalIndent(spec, "", "  ")
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(w.kernel(kind.data)), 0o755); err != nil {
			return err
		}
		if err := writeFile(w.kernel(kind.data), data); err != nil {
			return err
		}
	}
	return w.quieten()
}

// quieten keeps JupyterLab from asking newcomers whether it may fetch news, and from starting npm in search of language
// servers that the workbook does not use.
func (w *workbook) quieten() error {
	for name, text := range map[string]string{
		"labconfig/page_config.json":            `{"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": true}}`,
		"jupyter_server_config.d/workbook.json": `{"ServerApp": {"jpserver_extensions": {"jupyter_lsp": false}}}`,
	} {
		path := filepath.Join(w.jupyter("config"), name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := writeFile(path, []byte(text)); err != nil {
			return err
		}
	}
	return nil
}
