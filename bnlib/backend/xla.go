//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && arm64) || (windows && amd64))

package backend

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/go-xla/compute/xla"
	"github.com/gomlx/go-xla/pjrt"
)

// withoutXLA says why this program cannot load XLA; empty: it can.
const withoutXLA = ""

func init() {
	xla.EnableAutoInstall(false) // it would write to the terminal, and to folders outside the project's
}

// loadPlugin loads a plugin into the process, where go-xla finds it again by its path.
func loadPlugin(path string) error {
	if err := whole(path); err != nil {
		return err
	}
	defer quietLog()()
	plugin, err := pjrt.GetPlugin(path)
	if err == nil {
		keepPrograms(plugin)
	}
	return err
}

// threadsVariable is the environment variable from which XLA takes the number of threads of a client, as it opens one.
const threadsVariable = "NPROC"

var threadsMutex sync.Mutex // guards the variable

// connectXLA opens a plugin as go-xla does, but one for the processor with so many devices and threads, as a rule one of each.
// Builds of that plugin differ in how many devices they show by default, and XLA starts as many threads as devices even where there
// are fewer cores: the build in the Python package shows four, and on one core four threads that wait for work take a third of the
// time from the one that has some.
func connectXLA(config string, devices, threads int) (compute.Backend, error) {
	if plugin, _, _ := strings.Cut(config, ","); pjrt.IsCUDAName(plugin) {
		return xla.New(config)
	}
	threadsMutex.Lock()
	defer threadsMutex.Unlock()
	old, set := os.LookupEnv(threadsVariable)
	if err := os.Setenv(threadsVariable, strconv.Itoa(threads)); err != nil {
		return nil, err
	}
	defer func() {
		if set {
			os.Setenv(threadsVariable, old)
		} else {
			os.Unsetenv(threadsVariable)
		}
	}()
	b, err := xla.NewWithOptions(config, pjrt.NamedValuesMap{"cpu_device_count": int64(devices)})
	if err != nil {
		return xla.New(config) // a plugin that knows no such option
	}
	return b, nil
}

// OnGPU reports whether a backend computes on a GPU.
func OnGPU(b compute.Backend) bool {
	x, ok := b.(*xla.Backend)
	return ok && x.IsCUDA()
}

// gpuModel returns what the plugin calls the GPU.
func gpuModel(b compute.Backend) string {
	x := b.(*xla.Backend)
	return x.DeviceDescription(0)
}

// onProcessor returns the configuration that opens a backend like b once more; it is not ok for one that is not XLA on the
// processor.
func onProcessor(b compute.Backend) (config string, ok bool) {
	x, ok := b.(*xla.Backend)
	if !ok || x.IsCUDA() {
		return "", false
	}
	return x.Config(), true
}

// Name identifies a backend by what may change the numbers it computes, in a line: "xla:cpu, PJRT 0.106, plugin of 273768800
// bytes". Two installations of one plugin have the same name.
func Name(b compute.Backend) string {
	if b == nil {
		return "none"
	}
	x, ok := b.(*xla.Backend)
	if !ok {
		return b.Name()
	}
	plugin, err := pjrt.GetPlugin(x.PluginName())
	if err != nil {
		return b.Name()
	}
	where := cpu
	if x.IsCUDA() {
		where = cuda
	}
	major, minor := plugin.Version()
	name := fmt.Sprintf("xla:%s, PJRT %d.%d", where, major, minor)
	path := plugin.Path()
	if real, ok := realPath.Load(path); ok {
		path = real.(string)
	}
	if info, err := os.Stat(path); err == nil {
		name += fmt.Sprintf(", plugin of %d bytes", info.Size())
	}
	if x.DotGeneralUseTF32 {
		name += ", TF32"
	}
	return name
}
