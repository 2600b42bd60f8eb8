//go:build !(linux && amd64)

package backend

import (
	"fmt"
	"runtime"
)

func installCUDA(string) error {
	return fmt.Errorf("there is no plugin for GPUs on %s/%s", runtime.GOOS, runtime.GOARCH)
}
