package backend

import "golang.org/x/sys/unix"

// processorModel returns the processor's model; empty: not known.
func processorModel() string {
	model, _ := unix.Sysctl("machdep.cpu.brand_string")
	return model
}
