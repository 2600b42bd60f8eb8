package data

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// Relabelled returns d with some of its training labels wrong: a share of them, from 0 to 1, chosen at random, is drawn anew, every class as
// likely as another. So a share of 0.2 makes 18% of ten classes' labels wrong. Images and other sets are those of d. Its Checksum says what was done. It
// panics for a share that is none.
func (d *Dataset) Relabelled(share float64, seed uint64) *Dataset {
	if !(share >= 0 && share <= 1) {
		panic(fmt.Errorf("data: Relabelled: share is %v; allowed: 0 to 1", share))
	}
	other := *d
	other.Train.Labels = slices.Clone(d.Train.Labels)
	other.Checksum = fmt.Sprintf("%s, labels: share %v, seed %d", d.Checksum, share, seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for i := range other.Train.Labels {
		if random.Float64() < share {
			other.Train.Labels[i] = uint8(random.IntN(Classes))
		}
	}
	return &other
}
