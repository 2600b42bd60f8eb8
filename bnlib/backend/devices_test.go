package backend

import (
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/distributed"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

func TestDevices(t *testing.T) {
	b, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{-1, 0, mostDevices + 1} {
		if _, err := Devices(n); err == nil || !strings.Contains(err.Error(), "allowed: 1 to 128") {
			t.Errorf("%d devices: %v", n, err)
		}
	}
	if one, err := Devices(1); err != nil || one != b {
		t.Errorf("one device: %v, %v, want the backend of Open", one, err)
	}
	pureGo, err := gobackend.New("")
	if err != nil {
		t.Fatal(err)
	}
	defer pureGo.Finalize()
	if _, err := devicesLike(pureGo, 2); err == nil || !strings.Contains(err.Error(), "n is 2; allowed: 1 to 1, as many as ") {
		t.Errorf("two devices in pure Go: %v", err)
	}
	if !strings.HasPrefix(Name(b), "xla:cpu") {
		t.Skipf("%s has the devices that it has", Name(b))
	}
	three, err := Devices(3)
	if err != nil {
		t.Fatal(err)
	}
	if n := three.NumDevices(); n != 3 || !strings.HasSuffix(Machine(three), "; 3 threads") || Name(three) != Name(b) {
		t.Errorf("%d devices, %s; want 3, with as many threads", n, Machine(three))
	}
	if again, err := Devices(3); err != nil || again != three {
		t.Errorf("opened twice, %v", err)
	}
	if wide, err := Wide(3); err != nil || wide == three || wide.NumDevices() != 1 {
		t.Errorf("three cores: %v, %v, want one device with three threads", wide, err)
	}
	checkAdds(t, three)
	if got := total(t, three, 3); !slices.Equal(got, []float32{6, 6, 6}) {
		t.Errorf("the sum of 1, 2 and 3 is %v on three devices, want 6 on each", got)
	}
}

// total gives n devices the numbers 1 to n and returns what each finds to be their sum.
func total(t *testing.T, b compute.Backend, n int) []float32 {
	t.Helper()
	mesh, err := distributed.NewDeviceMesh([]int{n}, []string{"data"})
	if err != nil {
		t.Fatal(err)
	}
	exec, err := graph.NewExec(b, func(x *graph.Node) *graph.Node {
		return x.Graph().Distributed().AllReduceOne(x, compute.ReduceOpSum)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	numbers := make([]any, n)
	for i := range numbers {
		numbers[i] = float32(i + 1)
	}
	out, err := exec.SPMD(mesh).Call(numbers...)
	if err != nil {
		t.Fatal(err)
	}
	sums := make([]float32, len(out))
	for i, o := range out {
		sums[i] = tensors.MustCopyFlatData[float32](o)[0]
	}
	return sums
}
