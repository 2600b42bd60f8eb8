package backend

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// physicalCores returns how many cores this machine has, hyperthreads of one core counted once.
func physicalCores() int {
	n, err := unix.SysctlUint32("hw.physicalcpu")
	if err != nil {
		return runtime.NumCPU()
	}
	return int(n)
}
