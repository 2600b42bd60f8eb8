package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"batchnorm/bnlib/host"

	"github.com/gofrs/flock"
)

// step is one part of set-up: what it makes, what that was made from, and how.
type step struct {
	name  string
	title string
	after []string                             // steps that come before this one; it runs beside all others
	later bool                                 // the page can be opened without it
	makes []string                             // files; if one is missing the step is done again
	key   func(context.Context) string         // what the product depends on, in one word; empty: not to be told
	do    func(context.Context, *report) error // from scratch, whatever an interrupted attempt left behind
}

// Which of set-up's steps: all, those that a page cannot be opened without, or the others.
func all(step) bool     { return true }
func soon(s step) bool  { return !s.later }
func later(s step) bool { return s.later }

// setup makes what the notebooks need, as far as it is wanted, and nothing twice.
func (w *workbook) setup(ctx context.Context, wanted func(step) bool) error {
	steps, err := w.steps(ctx)
	if err != nil {
		return err
	}
	return w.carryOut(ctx, slices.DeleteFunc(steps, func(s step) bool { return !wanted(s) }))
}

// carryOut does the steps that are not done yet, each as soon as those before it are, and notes each as it ends: an
// interrupted set-up goes on where it stopped. The first failure ends all of them.
func (w *workbook) carryOut(ctx context.Context, steps []step) error {
	if len(w.stale(ctx, steps)) == 0 {
		return nil
	}
	if err := writable(w.home); err != nil {
		return w.makeDo(ctx, steps, err)
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
	fmt.Fprintf(w.out, "Setting up in %s (deleting that folder undoes it).\n", w.home)
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	p := watch(w.out)
	ended := map[string]chan struct{}{}
	for _, s := range stale {
		ended[s.name] = make(chan struct{})
	}
	var work sync.WaitGroup
	for _, s := range stale {
		work.Go(func() {
			defer close(ended[s.name])
			for _, name := range s.after {
				if before := ended[name]; before != nil {
					<-before
				}
			}
			if ctx.Err() != nil {
				return
			}
			if err := w.carryOutOne(ctx, s, p); err != nil {
				fail(fmt.Errorf("set-up, %s: %w", s.name, err))
			}
		})
	}
	work.Wait()
	took := p.end()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	fmt.Fprintf(w.out, "Set up in %s.\n", seconds(took))
	return nil
}

// carryOutOne does one step and notes that it is done. A postponed one is told, and not noted.
func (w *workbook) carryOutOne(ctx context.Context, s step, p *progress) error {
	// What an interrupted attempt leaves may look whole; an old note must not vouch for it.
	if err := w.stamp(s.name, ""); err != nil {
		return err
	}
	log, err := os.Create(w.log(s.name))
	if err != nil {
		return err
	}
	defer log.Close()
	r := p.start(s.name, s.title, log)
	err = s.do(ctx, r)
	if _, ok := errors.AsType[*postponed](err); ok && ctx.Err() == nil {
		r.end(fmt.Sprintf("put off: %v", err))
		return nil
	}
	if err != nil {
		r.end("")
		return w.roomFault(err)
	}
	r.end("done in " + seconds(time.Since(r.begun)))
	return w.stamp(s.name, s.key(ctx))
}

// setupSize is about what set-up writes, in bytes: the plugin is 270 MB of it, and the packages as much.
const setupSize = 600 << 20

// roomFault adds to an error that there is little room on a disk which set-up writes to: programs that run into that fail
// in many ways, and not all say why.
func (w *workbook) roomFault(err error) error {
	for _, place := range []struct{ dir, mend string }{
		{w.home, "make room there, or let " + host.DirEnv + " name a folder on another disk"},
		{os.TempDir(), "make room there, or let TMPDIR name a folder on another disk"},
	} {
		if free, ok := freeSpace(place.dir); ok && free < setupSize {
			err = fmt.Errorf("%w\nthere is no space left on device, or nearly so: %s has %d MB, and set-up needs up to %d MB; %s",
				err, place.dir, free>>20, setupSize>>20, place.mend)
		}
	}
	return err
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
	settings, err := w.settingsKey()
	if err != nil {
		return nil, fmt.Errorf("set-up: %w", err)
	}
	// The paths are part of every key: what is installed names them, so a clone that moved is set up anew.
	place := digest(w.root, w.home)
	golang := digest(place, goroot, runtime.Version(), string(gomod), string(gosum))
	always := func(key string) func(context.Context) string {
		return func(context.Context) string { return key }
	}
	compiler := func(packages ...string) func(context.Context, *report) error {
		return func(ctx context.Context, r *report) error { return w.compile(ctx, r, packages...) }
	}
	steps := []step{{
		name:  "packages",
		title: "JupyterLab and what it needs, Python packages in an environment of their own",
		makes: []string{w.python(), w.packages().Config()},
		key: func(ctx context.Context) string {
			version := w.packages().Version(ctx)
			if version == "" {
				return ""
			}
			return digest(place, version, os.Getenv(host.PythonEnv), string(requirements))
		},
		do: func(ctx context.Context, r *report) error { return w.packages().Install(ctx, r, r.run) },
	}, {
		name:  "modules",
		title: "what only the kernel's and the tests' module graphs name, for work without a network",
		key:   always(golang),
		do:    w.fetchModules,
	}, {
		name:  "tools",
		title: "the Go kernel: gonb and goimports, built from go.mod",
		makes: []string{filepath.Join(w.bin(), "gonb"), filepath.Join(w.bin(), "goimports")},
		key:   always(digest(golang, toolsFormat)),
		do: func(ctx context.Context, r *report) error {
			return w.install(ctx, r, w.bin(), "github.com/janpfeifer/gonb", "golang.org/x/tools/cmd/goimports")
		},
	}, {
		// Two go commands at the same time would compile what both need twice.
		name:  "gomlx",
		title: "GoMLX, compiled so that the first cell need not",
		after: []string{"tools"},
		key:   always(golang),
		do:    compiler("./bnlib/backend"),
	}, {
		name:  "build",
		title: "the workbook's own packages, compiled",
		after: []string{"gomlx"},
		key:   always(golang),
		do:    compiler("./notebooks/cells"),
	}, {
		name:  "backend",
		title: "the compute backend, found or installed",
		after: []string{"gomlx"},
		key:   always(digest(golang, os.Getenv("GOMLX_BACKEND"))),
		do: func(ctx context.Context, r *report) error {
			found, err := w.backend(ctx, r, nil, "-again") // who starts set-up may have mended what failed
			if err != nil && ctx.Err() == nil {
				return &postponed{err} // cells say the same, and a later start tries again
			}
			if err == nil && stopgap(found) {
				return &postponed{errors.New(found)}
			}
			r.Write([]byte(found))
			return err
		},
	}, {
		name:  "kernel",
		title: "the Go kernel, registered with the project's own Jupyter",
		after: []string{"tools", "backend"},
		makes: []string{w.kernel("data"), w.kernel("headless")},
		key:   always(digest(golang, kernelFormat)),
		do: func(ctx context.Context, r *report) error {
			return w.registerKernel(ctx, r, goroot)
		},
	}, {
		name:  "settings",
		title: "what the project's own JupyterLab is told",
		key:   always(digest(place, settings)),
		do:    func(context.Context, *report) error { return w.settings() },
	}, {
		name:  "gopls",
		title: "help while typing: gopls, built from go.mod",
		after: []string{"build"},
		later: true,
		makes: []string{filepath.Join(w.lsp(), "gopls")},
		key:   always(digest(golang, toolsFormat)),
		do:    w.installGopls,
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

// makeDo goes on with what is there, if that is enough to open a page, where set-up cannot write.
func (w *workbook) makeDo(ctx context.Context, steps []step, why error) error {
	var names []string
	for _, s := range w.stale(ctx, steps) {
		for _, path := range s.makes {
			if _, err := os.Stat(path); err != nil && !s.later {
				return fmt.Errorf("set-up, %s: %s is missing, and %s cannot be written: %w", s.name, path, w.home, why)
			}
		}
		names = append(names, s.name)
	}
	fmt.Fprintf(w.out, "Of what is set up, not all is for this clone as it is now (%s), but %s cannot be written (%v); it is used as it is.\n",
		strings.Join(names, ", "), w.home, why)
	return nil
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

// install builds programs, in the versions of go.sum, into a folder.
func (w *workbook) install(ctx context.Context, r *report, bin string, packages ...string) error {
	cmd := w.golang(ctx, append([]string{"install"}, packages...)...)
	cmd.Env = append(cmd.Env, "GOBIN="+bin)
	return r.run(cmd, "is the Go module proxy reachable (go env GOPROXY)?")
}

// installGopls builds the server of help while typing. A kernel that starts before it is there does without.
func (w *workbook) installGopls(ctx context.Context, r *report) error {
	program := filepath.Join(w.lsp(), "program", "gopls")
	if err := w.install(ctx, r, filepath.Dir(program), "golang.org/x/tools/gopls"); err != nil {
		return err
	}
	// The script in front lets it end by itself: when its kernel is killed, nobody ends it.
	quoted := "'" + strings.ReplaceAll(program, "'", `'\''`) + "'"
	script := "#!/bin/sh\nexec " + quoted + " -listen.timeout=1m \"$@\"\n"
	return os.WriteFile(filepath.Join(w.lsp(), "gopls"), []byte(script), 0o755)
}

// fetchModules brings what no build asks for: the module graph, which the kernel's workspace reads, and what tests import.
func (w *workbook) fetchModules(ctx context.Context, r *report) error {
	for _, args := range [][]string{{"mod", "graph"}, {"list", "-deps", "-test", "./..."}, {"list", "-deps", "tool"}} {
		if err := r.run(w.golang(ctx, args...), ""); err != nil {
			if ctx.Err() != nil {
				return err
			}
			return &postponed{err}
		}
	}
	return nil
}

// compile compiles packages. GoMLX takes over a minute, and a first cell that long looks like one that hangs.
func (w *workbook) compile(ctx context.Context, r *report, packages ...string) error {
	err := r.run(w.golang(ctx, append([]string{"build"}, packages...)...), "")
	if err == nil || ctx.Err() != nil {
		return err
	}
	if fault := compilerFault(ctx, w.root); fault != "" {
		err = fmt.Errorf("%w\n%s", err, fault)
	}
	// A reader who breaks a package while changing it still gets notebooks.
	return &postponed{fmt.Errorf("not all of it compiles, so cells may not either: %w", err)}
}

// backend opens the compute backend in a program of its own, built with the given flags, and returns its name.
func (w *workbook) backend(ctx context.Context, r *report, goFlags []string, args ...string) (string, error) {
	var name bytes.Buffer
	err := r.runTo(&name, w.golang(ctx, slices.Concat([]string{"run"}, goFlags, []string{"./notebooks/openbackend"}, args)...), "")
	return strings.TrimSpace(name.String()), err
}

// stopgap tells whether the backend that was found, the last line of what was said about it, only stands in for XLA, which failed to
// be installed and may be another time.
func stopgap(said string) bool {
	name := said[strings.LastIndex(said, "\n")+1:]
	exists := runtime.GOOS == "linux" || runtime.GOOS+"/"+runtime.GOARCH == "darwin/arm64"
	return exists && os.Getenv("GOMLX_BACKEND") == "" && !strings.HasPrefix(name, "xla:")
}

// golang is a go command in the clone. GOFLAGS and GOWORK of the reader's own projects are not ours.
func (w *workbook) golang(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = w.root
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "GOWORK=off")
	return cmd
}

// toolsFormat changes when install or installGopls leaves something else than before.
const toolsFormat = "2"

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
