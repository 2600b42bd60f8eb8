package backend

import (
	"fmt"

	"github.com/gomlx/compute"
)

// mostDevices is more than one machine has, and few enough to start a thread for each.
const mostDevices = 128

// Devices returns a backend with n devices or more, for programs that several devices compute together, each on its share of the
// data: GoMLX's graphs after Graph.SetSPMD. It is opened once for each n.
//
// On a processor XLA makes up the devices: each has a thread, and where there are fewer cores they take turns. So what is computed
// there is what n GPUs would compute, and how long it takes says nothing about them. With GPUs it is the backend of [Open]; that
// there are fewer than n is an error, and so is GoMLX's backend in pure Go, which has one device.
func Devices(n int) (compute.Backend, error) {
	if n < 1 || n > mostDevices {
		return nil, fmt.Errorf("backend: Devices: n is %d; allowed: 1 to %d", n, mostDevices)
	}
	b, err := Open()
	if err != nil {
		return nil, err
	}
	return devicesLike(b, n)
}

// devicesLike returns a backend of b's kind with n devices or more.
func devicesLike(b compute.Backend, n int) (compute.Backend, error) {
	if config, ok := onProcessor(b); ok && n > 1 {
		var err error
		if b, err = openWide(config, clientSize{devices: n, threads: n}); err != nil {
			return nil, fmt.Errorf("backend: opening XLA with %d devices: %w", n, err)
		}
	}
	if has := b.NumDevices(); has < n {
		return nil, fmt.Errorf("backend: Devices: n is %d; allowed: 1 to %d, as many as %s has", n, has, Name(b))
	}
	return b, nil
}
