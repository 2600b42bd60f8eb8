// Package backend finds, installs and opens the compute backend. Nothing else knows how.
package backend

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"batchnorm/bnlib/host"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/go-xla/installer"
)

// Env names the environment variable that, if set, says which backend to open, in GoMLX's own form: "xla:cpu", "xla:cuda",
// "xla:/path/of/plugin.so", "go".
const Env = compute.ConfigEnvVar

// float32Only makes a GPU compute products in float32; XLA's default there is TF32, with 10 bits of mantissa.
const float32Only = ",tf32=false"

// Open returns the backend of this process. It is opened at the first call; every call returns the same one.
//
// If GOMLX_BACKEND is set, that backend is opened, with the options given there and no other, and an error names the variable
// and its value; plugins that it names, as in "xla:cpu", are found and installed like the others. Otherwise it is XLA, on
// the GPU if there is an NVIDIA one, else on the processor, with a plugin that is installed already, or installed now: while
// that takes its time, lines on standard error say so. Where XLA cannot be had it is GoMLX's backend in pure Go, and a line
// on standard error says what is missing, how much slower this is and how to mend it.
//
// XLA on the processor executes a program on one thread: it adds in an order that depends on their number, and what a network
// turns out to be must not depend on the machine's cores. See [Parts] and [Wide].
func Open() (compute.Backend, error) {
	parts, err := opened()
	if err != nil {
		return nil, err
	}
	return parts[0], nil
}

// world is what opening a backend depends on; tests replace parts of it.
type world struct {
	getenv  func(string) string
	home    func() (string, error) // the project's own folder
	hasGPU  func() bool
	system  []string // folders that go-xla and its installer use for all programs
	sources map[kind][]source
	load    func(path string) error // loads a plugin; the process keeps it
	connect func(config string) (compute.Backend, error)
	now     func() time.Time
	say     func(format string, args ...any) // writes a line
}

func standard() *world {
	return &world{
		getenv:  os.Getenv,
		home:    host.Dir,
		hasGPU:  installer.HasNvidiaGPU,
		system:  systemFolders(),
		sources: map[kind][]source{cpu: {forProcessor(runtime.GOOS, runtime.GOARCH)}, cuda: {nvidia{gpuPackages}}},
		load:    loadPlugin,
		connect: connect,
		now:     time.Now,
		say:     func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) },
	}
}

// systemFolders are where go-xla looks for plugins.
func systemFolders() []string {
	folders := filepath.SplitList(os.Getenv("PJRT_PLUGIN_LIBRARY_PATH"))
	if local, err := installer.DefaultHomeLibPath(); err == nil {
		folders = append(folders, filepath.Join(local, "go-xla"))
	}
	if runtime.GOOS != "windows" {
		folders = append(folders, "/usr/local/lib/go-xla")
	}
	return folders
}

// connect opens what a configuration says. GoMLX panics for a name that it does not know.
func connect(config string) (b compute.Backend, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	if options, ok := strings.CutPrefix(config, "xla:"); ok && withoutXLA == "" {
		return connectXLA(options, 1, 1)
	}
	return compute.NewWithConfig(config)
}

func (m *world) open() (compute.Backend, error) {
	if config := m.getenv(Env); config != "" {
		b, err := m.openConfig(config)
		if err != nil {
			return nil, fmt.Errorf("backend: %s is %q, which cannot be opened (unset it to have one chosen): %w", Env, config, err)
		}
		return b, nil
	}
	b, missing := m.openXLA()
	if missing == nil {
		return b, nil
	}
	m.say("backend: no XLA (%s): training runs on the pure-Go backend, about 20 times slower; to mend it, %s", oneLine(missing), m.mend())
	return gobackend.New("")
}

// openConfig opens what the environment variable says.
func (m *world) openConfig(config string) (compute.Backend, error) {
	k, options, ok := m.named(config)
	if !ok {
		return m.connect(config)
	}
	if withoutXLA != "" {
		return nil, errors.New(withoutXLA)
	}
	return m.openKind(k, options)
}

// named says which kind of plugin a configuration such as "xla", "xla:cpu" or "xla:cuda,tf32=false" asks for, and with which
// options. It is not ok for one that names no kind but a file, or another backend.
func (m *world) named(config string) (k kind, options string, ok bool) {
	config, ok = strings.CutPrefix(config+":", "xla:")
	if !ok {
		return "", "", false
	}
	plugin, options, found := strings.Cut(strings.TrimSuffix(config, ":"), ",")
	if found {
		options = "," + options
	}
	switch k = kind(plugin); k {
	case cpu, cuda:
	case "":
		k = cpu
		if m.hasGPU() {
			k = cuda
		}
	default:
		return "", "", false
	}
	return k, options, true
}

// openXLA opens XLA, installing its plugin if need be.
func (m *world) openXLA() (compute.Backend, error) {
	if withoutXLA != "" {
		return nil, errors.New(withoutXLA)
	}
	if m.hasGPU() {
		b, err := m.openKind(cuda, float32Only)
		if err == nil {
			return b, nil
		}
		m.say("backend: the GPU cannot be used (%s): training runs on the processor", oneLine(err))
	}
	return m.openKind(cpu, "")
}

// openKind opens the first plugin of a kind that can be opened, installing one if there is none.
func (m *world) openKind(k kind, options string) (compute.Backend, error) {
	own, _ := m.ours()
	tried := m.installed(k)
	for _, path := range tried {
		b, err := m.openPlugin(k, path, options)
		if err == nil {
			return b, nil
		}
		var unloadable *loadError
		if inside(own, path) && !errors.As(err, &unloadable) {
			return nil, err // the plugin is sound: the GPU, its driver or the options are not, and a new copy would fail too
		}
	}
	path, err := m.install(k, tried)
	if err != nil {
		return nil, err
	}
	b, err := m.openPlugin(k, path, options)
	if err != nil {
		err = fmt.Errorf("the plugin that was just installed does not work here: %w", err)
		m.postpone(k, err, time.Time{})
		return nil, err
	}
	return b, nil
}

// loadError reports a file that is not a plugin, or not a whole one, or not one for this machine.
type loadError struct{ err error }

func (e *loadError) Error() string { return e.err.Error() }
func (e *loadError) Unwrap() error { return e.err }

func (m *world) openPlugin(k kind, path, options string) (compute.Backend, error) {
	name, done, err := plainName(k, path)
	if err != nil {
		return nil, err
	}
	defer done()
	if err := m.load(name); err != nil {
		return nil, &loadError{err}
	}
	return m.connect("xla:" + name + options)
}

// mend says what would make XLA available.
func (m *world) mend() string {
	if withoutXLA != "" {
		return "install a C compiler (gcc or clang), which Go needs for cgo, and run this again"
	}
	if runtime.GOOS == "linux" && runtime.GOARCH == "amd64" {
		return "connect to the internet, or let `python3 -m pip` reach a package index, and run this again"
	}
	return "connect to the internet and run this again (go-xla has plugins for Linux, macOS on ARM and Windows)"
}

// oneLine keeps what a reader needs of a message: its first line, and not too much of that.
func oneLine(err error) string {
	const enough = 400
	line, _, _ := strings.Cut(strings.TrimSpace(err.Error()), "\n")
	if len(line) > enough {
		line = strings.ToValidUTF8(line[:enough], "") + "…"
	}
	return line
}

// background is the context of everything that Open waits for: it has no caller who could change his mind.
func background(limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), limit)
}
