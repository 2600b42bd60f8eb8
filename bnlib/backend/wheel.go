package backend

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"batchnorm/bnlib/host"

	"github.com/gomlx/go-xla/installer"
)

// wheel is a Python package that holds the plugin, for Linux on x86-64.
type wheel struct {
	requirement string
	sha256      string // of the package
	member      string // the plugin in it
}

// pythonPackage holds an unmodified build of the plugin by the project zml. Everybody who can have it computes with the same
// plugin, whose checksum is known beforehand.
var pythonPackage = wheel{
	requirement: "fastatomstruct-xla-cpu==2026.6.23",
	sha256:      "88b1c430b341b4bea40a37420311c9c75db6e22b46d2ff95b6986577bee6afe9",
	member:      "fastatomstruct_xla_cpu/libpjrt_cpu.so",
}

func (wheel) name() string { return "a Python package" }

func (w wheel) fetch(folder string) error {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return fmt.Errorf("only for linux/amd64, this is %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	temp, err := os.MkdirTemp(folder, partPattern)
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	ctx, cancel := background(longestDownload)
	defer cancel()
	if err := host.Download(ctx, temp, w.requirement+" --hash=sha256:"+w.sha256+"\n"); err != nil {
		return err
	}
	archives, err := filepath.Glob(filepath.Join(escape(temp), "*.whl"))
	if err != nil || len(archives) != 1 {
		return fmt.Errorf("pip left %d packages, want one", len(archives))
	}
	plugin := filepath.Join(temp, "plugin")
	if err := installer.ExtractFileFromZip(archives[0], w.member, plugin); err != nil {
		return fmt.Errorf("the package has no %s: %w", w.member, err)
	}
	return publish(plugin, filepath.Join(folder, "pjrt_c_api_cpu_"+w.sha256[:8]+"_plugin.so"))
}
