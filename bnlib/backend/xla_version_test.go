//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && arm64) || (windows && amd64))

package backend

import (
	"testing"

	"github.com/gomlx/go-xla/pjrt"
)

func TestTestedVersion(t *testing.T) {
	if testedVersion != pjrt.DefaultCPUVersion {
		t.Errorf("testedVersion is %s, go-xla's %s", testedVersion, pjrt.DefaultCPUVersion)
	}
}
