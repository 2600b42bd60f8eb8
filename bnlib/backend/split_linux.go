//go:build cgo && (amd64 || arm64)

package backend

import (
	"runtime"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/go-xla/compute/xla"
	"golang.org/x/sys/unix"
)

// parts remembers what Split opened, by the backend and the number of parts.
var parts struct {
	sync.Mutex
	opened map[part][]compute.Backend
}

type part struct {
	of compute.Backend
	n  int
}

// Split returns at most n backends like b that share the processor's cores out among themselves, each with the same number
// and none with a core of another's: work given to all of them at once runs side by side. Two executions on one XLA backend
// run one after the other, each on all cores, and for products as small as those of a minibatch much of that goes into
// handing work from core to core.
//
// It returns one backend, b itself, where there is nothing to share: n below 2, one core, a backend that is not XLA on the
// processor, a system other than Linux. The backends live as long as the process; asking again returns the same ones.
func Split(b compute.Backend, n int) []compute.Backend {
	x, ok := b.(*xla.Backend)
	if !ok || x.IsCUDA() {
		return []compute.Backend{b}
	}
	cores := usable()
	n = min(n, len(cores))
	if n < 2 {
		return []compute.Backend{b}
	}
	parts.Lock()
	defer parts.Unlock()
	if found := parts.opened[part{b, n}]; found != nil {
		return found
	}
	var backends []compute.Backend
	for i := range n {
		// The threads that XLA starts for a client may run where the thread that opens it may.
		one, err := openOn(cores[i*len(cores)/n:(i+1)*len(cores)/n], "xla:"+x.Config())
		if err != nil {
			return []compute.Backend{b}
		}
		backends = append(backends, one)
	}
	if parts.opened == nil {
		parts.opened = map[part][]compute.Backend{}
	}
	parts.opened[part{b, n}] = backends
	return backends
}

// usable returns the cores that this process may run on.
func usable() []int {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil
	}
	var cores []int
	for core := range len(set) * 64 {
		if set.IsSet(core) {
			cores = append(cores, core)
		}
	}
	return cores
}

// openOn opens a backend on a thread confined to some cores.
func openOn(cores []int, config string) (compute.Backend, error) {
	type result struct {
		backend compute.Backend
		err     error
	}
	done := make(chan result)
	go func() {
		runtime.LockOSThread() // and never unlock: the thread ends with the goroutine
		var set unix.CPUSet
		for _, core := range cores {
			set.Set(core)
		}
		if err := unix.SchedSetaffinity(0, &set); err != nil {
			done <- result{nil, err}
			return
		}
		b, err := connect(config)
		done <- result{b, err}
	}()
	r := <-done
	return r.backend, r.err
}
