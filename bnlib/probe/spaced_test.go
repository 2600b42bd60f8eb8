package probe_test

import (
	"slices"
	"testing"

	"batchnorm/bnlib/probe"
)

func TestSpaced(t *testing.T) {
	for last, want := range map[int][]int{
		1:   {1},
		4:   {1, 2, 3, 4},
		100: {1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 32, 40, 50, 63, 79, 100},
	} {
		if got := probe.Spaced(last); !slices.Equal(got, want) {
			t.Errorf("Spaced(%d) = %v, want %v", last, got, want)
		}
	}
}
