// Package backend finds, installs and opens the compute backend. Nothing else knows how.
package backend

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"batchnorm/bnlib/home"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/go-xla/installer"
)

// Env names the environment variable that, if set, says which backend to open, in GoMLX's own form: "xla:cpu", "xla:cuda",
// "xla:/path/of/plugin.so", "go".
const Env = "GOMLX_BACKEND"

// float32Only makes a GPU compute products in float32; XLA's default there is TF32, with 10 bits of mantissa.
const float32Only = ",tf32=false"

var opened = sync.OnceValues(func() (compute.Backend, error) { return standard().open() })

// Open returns the backend of this process. It is opened at the first call; every call returns the same one.
//
// If GOMLX_BACKEND is set, that backend is opened, and an error names the variable and its value. Otherwise it is XLA, on the
// GPU if there is an NVIDIA one, else on the processor, with a plugin that is installed already, or installed now. Where XLA
// cannot be had it is GoMLX's backend in pure Go, and a line on standard error says what is missing, how much slower
// this is and how to mend it.
func Open() (compute.Backend, error) { return opened() }

// machine is what opening a backend needs to know about the world; tests replace parts of it.
type machine struct {
	getenv  func(string) string
	home    func() (string, error) // the project's own folder
	hasGPU  func() bool
	system  []string // folders in which go-xla installs plugins for all programs
	sources []source // of the CPU plugin, in the order of trying
	connect func(config string) (compute.Backend, error)
	say     func(format string, args ...any)
}

func standard() *machine {
	return &machine{
		getenv:  os.Getenv,
		home:    home.Dir,
		hasGPU:  installer.HasNvidiaGPU,
		system:  systemFolders(),
		sources: []source{release{}, wheel{}},
		connect: compute.NewWithConfig,
		say:     func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) },
	}
}

// systemFolders are where go-xla looks for plugins.
func systemFolders() []string {
	folders := filepath.SplitList(os.Getenv("PJRT_PLUGIN_LIBRARY_PATH"))
	if local, err := installer.DefaultHomeLibPath(); err == nil {
		folders = append(folders, filepath.Join(local, "go-xla"))
	}
	return append(folders, "/usr/local/lib/go-xla")
}

func (m *machine) open() (compute.Backend, error) {
	if config := m.getenv(Env); config != "" {
		b, err := m.connect(config)
		if err != nil {
			return nil, fmt.Errorf("backend: %s is %q, which cannot be opened (unset it to have one chosen): %w", Env, config, err)
		}
		return b, nil
	}
	b, missing := m.openXLA()
	if b != nil {
		return b, nil
	}
	m.say("backend: no XLA (%s): training runs on the pure-Go backend, about 20 times slower; to mend it, %s", oneLine(missing), m.mend())
	return gobackend.New("")
}

// openXLA opens XLA, installing its plugin if need be.
func (m *machine) openXLA() (compute.Backend, error) {
	if withoutXLA != "" {
		return nil, errors.New(withoutXLA)
	}
	if m.hasGPU() {
		b, err := m.openKind(cuda)
		if b != nil {
			return b, nil
		}
		m.say("backend: the GPU cannot be used (%s): training runs on the processor", oneLine(err))
	}
	return m.openKind(cpu)
}

func (m *machine) openKind(k kind) (compute.Backend, error) {
	tried := m.installed(k)
	for _, path := range tried {
		if b, err := m.openPlugin(k, path); err == nil {
			return b, nil
		}
	}
	path, err := m.install(k, tried)
	if err != nil {
		return nil, err
	}
	return m.openPlugin(k, path)
}

func (m *machine) openPlugin(k kind, path string) (compute.Backend, error) {
	path, err := withoutCommas(path)
	if err != nil {
		return nil, err
	}
	config := "xla:" + path
	if k == cuda {
		config += float32Only
	}
	return m.connect(config)
}

// mend says what would make XLA available.
func (m *machine) mend() string {
	if withoutXLA != "" {
		return "install a C compiler (gcc or clang), which Go needs for cgo, and run this again"
	}
	if runtime.GOOS == "linux" && runtime.GOARCH == "amd64" {
		return "connect to the internet, or let `python3 -m pip` reach a package index, and run this again"
	}
	return "connect to the internet and run this again (go-xla has plugins for Linux, macOS on ARM and Windows)"
}

// oneLine keeps the first line of a message.
func oneLine(err error) string {
	if err == nil {
		return "unknown"
	}
	line, _, _ := strings.Cut(strings.TrimSpace(err.Error()), "\n")
	return line
}
