package backend

import (
	"testing"

	"github.com/gomlx/go-xla/installer"
)

func TestNvidiaPlugin(t *testing.T) {
	if nvidiaPlugin != installer.NVIDIAPJRTPluginFileName {
		t.Errorf("the plugin is installed as %s; go-xla looks for %s", nvidiaPlugin, installer.NVIDIAPJRTPluginFileName)
	}
}
