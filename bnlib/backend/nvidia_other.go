//go:build !(linux && amd64)

package backend

import (
	"fmt"
	"runtime"
)

// nvidia stands for XLA's plugin for NVIDIA GPUs, which there is for Linux on x86-64.
type nvidia struct{}

func (nvidia) name() string { return "pypi.org" }

func (nvidia) fetch(string) error {
	return fmt.Errorf("there is no plugin for GPUs on %s/%s", runtime.GOOS, runtime.GOARCH)
}
