//go:build !linux && !darwin

package backend

import "runtime"

// physicalCores returns how many processors this process may run on: which of them are hyperthreads of one core is not known.
func physicalCores() int { return runtime.NumCPU() }
