package backend

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"batchnorm/bnlib/host"

	"github.com/gomlx/go-xla/installer"
)

// gpuPackages are the Python packages of JAX's plugin for NVIDIA GPUs and of the libraries it loads, as JAX's own package
// resolved them. The plugin is of the version whose PJRT is nearest to that of go-xla.
//
//go:embed nvidia.txt
var gpuPackages string

// nvidia is XLA's plugin for NVIDIA GPUs with the libraries it needs, from Python packages for Linux on x86-64.
type nvidia struct {
	requirements string // a package a line, with its sha256
}

// nvidiaPlugin is go-xla's name for the plugin's file. Its installer has it on linux/amd64 only, and this file is compiled
// everywhere.
const nvidiaPlugin = "pjrt_c_api_cuda_plugin.so"

func (nvidia) name() string { return "Python packages" }

// fetch lays the packages out as go-xla's installer does: the folder nvidia holds the plugin and, below it, the libraries.
func (n nvidia) fetch(folder string) error {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return fmt.Errorf("there is no plugin for GPUs on %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	temp, err := os.MkdirTemp(folder, partPattern)
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	ctx, cancel := background(longestGPUDownload)
	defer cancel()
	if err := host.Download(ctx, temp, n.requirements); err != nil {
		return err
	}
	archives, err := filepath.Glob(filepath.Join(escape(temp), "*.whl"))
	if err != nil {
		return err
	}
	made := filepath.Join(temp, "nvidia")
	if err := os.MkdirAll(filepath.Join(made, "bin"), 0o755); err != nil {
		return err
	}
	plugin := filepath.Join(temp, nvidiaPlugin)
	for _, archive := range archives {
		if strings.HasPrefix(filepath.Base(archive), "jax_") {
			err = installer.ExtractFileFromZip(archive, "xla_cuda_plugin.so", plugin)
		} else {
			err = installer.ExtractDirFromZip(archive, "nvidia", made)
		}
		if err != nil {
			return fmt.Errorf("unpacking %s: %w", filepath.Base(archive), err)
		}
		if err := os.Remove(archive); err != nil { // some GB
			return err
		}
	}
	if err := os.Symlink("../cu13/bin/ptxas", filepath.Join(made, "bin", "ptxas")); err != nil {
		return err
	}
	if err := publish(plugin, filepath.Join(made, filepath.Base(plugin))); err != nil {
		return err
	}
	// The plugin looks for these two beside the folder of plugins.
	for _, library := range []string{"libcublasLt.so.13", "libcublas.so.13"} {
		link := filepath.Join(filepath.Dir(folder), library)
		if err := os.Remove(link); err != nil && !os.IsNotExist(err) {
			return err
		}
		if err := os.Symlink(filepath.Join(filepath.Base(folder), "nvidia", "cu13", "lib", library), link); err != nil {
			return err
		}
	}
	whole := filepath.Join(folder, "nvidia")
	if err := os.RemoveAll(whole); err != nil {
		return err
	}
	return os.Rename(made, whole)
}
