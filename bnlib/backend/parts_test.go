package backend

import (
	"runtime"
	"strings"
	"testing"

	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// sums returns results of a backend that depend on the order in which it adds.
func sums(x *graph.Node) *graph.Node {
	for range 4 {
		x = graph.Tanh(graph.MulScalar(graph.Dot(x, x).Product(), 0.1))
	}
	return graph.ReduceSum(x, 0)
}

// TestParts checks that the parts of the backend are different backends, opened once, that all compute the same bits, and that
// none has more threads than one.
func TestParts(t *testing.T) {
	b, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	parts := Parts(b)
	if parts[0] != b {
		t.Error("the first part is not the backend itself")
	}
	if again := Parts(b); len(again) != len(parts) || again[len(again)-1] != parts[len(parts)-1] {
		t.Error("opened twice")
	}
	if !strings.HasPrefix(Name(b), "xla:cpu") {
		if len(parts) != 1 {
			t.Errorf("%d parts of %s, want 1", len(parts), Name(b))
		}
		return
	}
	if want := min(physicalCores(), runtime.GOMAXPROCS(0)); len(parts) != want {
		t.Errorf("%d parts, want %d", len(parts), want)
	}
	numbers := make([]float32, 600*600)
	for i := range numbers {
		numbers[i] = float32(i%13)/13 - 0.4
	}
	x := tensors.FromFlatDataAndDimensions(numbers, 600, 600)
	var first []float32
	for i, part := range parts {
		for j := range i {
			if part == parts[j] {
				t.Errorf("parts %d and %d are one", j, i)
			}
		}
		if n := part.NumDevices(); n != 1 || Machine(part) != Machine(b) {
			t.Errorf("part %d: %d devices, %s; want 1, %s", i, n, Machine(part), Machine(b))
		}
		local, err := x.LocalClone()
		if err != nil {
			t.Fatal(err)
		}
		got, err := graph.CallOnce(part, sums, local)
		if err != nil {
			t.Fatal(err)
		}
		flat := tensors.MustCopyFlatData[float32](got)
		if i == 0 {
			first = flat
		}
		for k := range flat {
			if flat[k] != first[k] {
				t.Fatalf("part %d: sum %d is %v, part 0 has %v", i, k, flat[k], first[k])
			}
		}
	}
}

func TestWide(t *testing.T) {
	b, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{-1, 0, mostThreads + 1} {
		if _, err := Wide(n); err == nil || !strings.Contains(err.Error(), "allowed: 1 to 1024") {
			t.Errorf("%d cores: %v", n, err)
		}
	}
	if one, err := Wide(1); err != nil || one != b {
		t.Errorf("one core: %v, %v, want the backend of Open", one, err)
	}
	three, err := Wide(3)
	if err != nil {
		t.Fatal(err)
	}
	checkAdds(t, three)
	if again, err := Wide(3); err != nil || again != three {
		t.Errorf("opened twice, %v", err)
	}
	if parts := Parts(three); len(parts) != 1 || parts[0] != three {
		t.Errorf("%d parts of a wide backend, want itself", len(parts))
	}
	if !strings.HasPrefix(Name(b), "xla:cpu") {
		return
	}
	if three == b || Name(three) != Name(b) || !strings.HasSuffix(Machine(three), "; 3 threads") {
		t.Errorf("three cores: %s", Machine(three))
	}
}

func TestPartsOfPureGo(t *testing.T) {
	b, err := gobackend.New("")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	if parts := Parts(b); len(parts) != 1 || parts[0] != b || OnGPU(b) {
		t.Errorf("%v", parts)
	}
}
