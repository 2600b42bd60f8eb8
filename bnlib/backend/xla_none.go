//go:build !(cgo && ((linux && (amd64 || arm64)) || (darwin && arm64) || (windows && amd64)))

package backend

import (
	"errors"
	"runtime"

	"github.com/gomlx/compute"
)

// withoutXLA says why this program cannot load XLA; empty: it can.
var withoutXLA = "go-xla needs cgo, and this program, for " + runtime.GOOS + "/" + runtime.GOARCH + ", was built without"

func loadPlugin(string) error { return errors.New(withoutXLA) }

func connectXLA(string, int, int) (compute.Backend, error) { return nil, errors.New(withoutXLA) }

// OnGPU reports whether a backend computes on a GPU.
func OnGPU(compute.Backend) bool { return false }

func gpuModel(compute.Backend) string { return "" }

func onProcessor(compute.Backend) (config string, ok bool) { return "", false }

// Name identifies a backend by what may change the numbers it computes, in a line.
func Name(b compute.Backend) string {
	if b == nil {
		return "none"
	}
	return b.Name()
}
