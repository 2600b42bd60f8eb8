package backend

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// physicalCores returns how many cores this process may run on, hyperthreads of one core counted once.
func physicalCores() int {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return runtime.NumCPU()
	}
	return distinctCores("/sys/devices/system/cpu", set)
}

// distinctCores counts the cores of a set of processors; a folder of the system says which processors are one core's.
func distinctCores(folder string, set unix.CPUSet) int {
	cores := map[string]bool{}
	for i := range len(set) * 64 {
		if !set.IsSet(i) {
			continue
		}
		siblings, err := os.ReadFile(fmt.Sprintf("%s/cpu%d/topology/thread_siblings_list", folder, i))
		if err != nil {
			siblings = fmt.Append(nil, i) // a system that does not say
		}
		cores[string(siblings)] = true
	}
	return len(cores)
}
