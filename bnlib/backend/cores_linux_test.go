package backend

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestDistinctCores(t *testing.T) {
	folder := t.TempDir()
	for i, siblings := range []string{"0,4", "1,5", "2,6", "3,7", "0,4", "1,5", "2,6", "3,7"} {
		put(t, filepath.Join(folder, fmt.Sprintf("cpu%d", i), "topology"), "thread_siblings_list", siblings+"\n")
	}
	for _, test := range []struct {
		processors []int
		want       int
	}{
		{[]int{0, 1, 2, 3, 4, 5, 6, 7}, 4},
		{[]int{0, 4}, 1},
		{[]int{3, 4, 5}, 3},
		{[]int{0, 4, 8, 9}, 3}, // of 8 and 9 nothing is known
	} {
		var set unix.CPUSet
		for _, i := range test.processors {
			set.Set(i)
		}
		if got := distinctCores(folder, set); got != test.want {
			t.Errorf("processors %v are %d cores, want %d", test.processors, got, test.want)
		}
	}
}

// TestThreads counts the threads that XLA starts to compute with, whatever the environment says.
func TestThreads(t *testing.T) {
	b, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	config, ok := onProcessor(b)
	if !ok {
		t.Skipf("the backend is %s", Name(b))
	}
	t.Setenv("NPROC", "7")
	for _, n := range []int{1, 5} {
		before := pool(t)
		if _, err := connectXLA(config, 1, n); err != nil {
			t.Fatal(err)
		}
		if after := pool(t); after != before+n {
			t.Errorf("%d threads more, want %d", after-before, n)
		}
	}
	if value := os.Getenv("NPROC"); value != "7" {
		t.Errorf("NPROC is left behind as %q", value)
	}
}

// pool counts the threads of XLA's pools.
func pool(t *testing.T) int {
	t.Helper()
	names, err := filepath.Glob("/proc/self/task/*/comm")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, name := range names {
		if text, err := os.ReadFile(name); err == nil && strings.HasPrefix(string(text), "tf_XLAEigen") {
			n++
		}
	}
	return n
}
