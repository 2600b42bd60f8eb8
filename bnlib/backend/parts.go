package backend

import (
	"fmt"
	"runtime"
	"sync"

	"github.com/gomlx/compute"
)

// opened are the parts of this process's backend. All are opened at once, before anything is compiled: opening one changes
// the environment for a moment, which XLA's own threads must not be reading then.
var opened = sync.OnceValues(func() ([]compute.Backend, error) {
	b, err := standard().open()
	if err != nil {
		return nil, err
	}
	parts := []compute.Backend{b}
	config, ok := onProcessor(b)
	if !ok {
		return parts, nil
	}
	for range min(physicalCores(), runtime.GOMAXPROCS(0)) - 1 {
		part, err := connectXLA(config, 1, 1)
		if err != nil {
			return nil, fmt.Errorf("backend: opening XLA for one more core: %w", err)
		}
		parts = append(parts, part)
	}
	return parts, nil
})

// Parts returns the one-core parts of the machine, b itself first: backends like b that work side by side, each with one
// thread, so that all compute the same numbers. There is one for each physical core that this process may use, at most
// GOMAXPROCS, which knows the quotas of containers.
//
// Where nothing can be shared out it is b alone: for a GPU, for GoMLX's backend in pure Go, and for a backend that does not
// come from [Open], such as one of [Wide].
func Parts(b compute.Backend) []compute.Backend {
	if parts, err := opened(); err == nil && parts[0] == b {
		return parts
	}
	return []compute.Backend{b}
}

// mostThreads is more than any processor has cores, and few enough to start.
const mostThreads = 1024

// wide are the backends with more than one thread.
var wide struct {
	sync.Mutex
	opened map[clientSize]compute.Backend
}

type clientSize struct{ devices, threads int }

// Wide returns a backend on which one execution keeps n cores busy, for a network too large for one. The numbers it computes
// depend on n, on nothing else: a machine with fewer cores takes longer. It is opened once for each n.
//
// A GPU, and GoMLX's backend in pure Go, share their work out by themselves: there it is the backend of [Open].
func Wide(n int) (compute.Backend, error) {
	if n < 1 || n > mostThreads {
		return nil, fmt.Errorf("backend: Wide: n is %d; allowed: 1 to %d", n, mostThreads)
	}
	b, err := Open()
	if err != nil {
		return nil, err
	}
	config, ok := onProcessor(b)
	if !ok || n == 1 {
		return b, nil
	}
	found, err := openWide(config, clientSize{devices: 1, threads: n})
	if err != nil {
		return nil, fmt.Errorf("backend: opening XLA for %d cores: %w", n, err)
	}
	return found, nil
}

// openWide opens a backend of each size once.
func openWide(config string, size clientSize) (compute.Backend, error) {
	wide.Lock()
	defer wide.Unlock()
	if found := wide.opened[size]; found != nil {
		return found, nil
	}
	found, err := connectXLA(config, size.devices, size.threads)
	if err != nil {
		return nil, err
	}
	if wide.opened == nil {
		wide.opened = map[clientSize]compute.Backend{}
	}
	wide.opened[size] = found
	return found, nil
}

// threads returns on how many threads a backend executes a program; 0: it is not for us to say.
func threads(b compute.Backend) int {
	if _, ok := onProcessor(b); !ok {
		return 0
	}
	wide.Lock()
	defer wide.Unlock()
	for size, found := range wide.opened {
		if found == b {
			return size.threads
		}
	}
	return 1
}
