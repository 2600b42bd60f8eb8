package bnlib

import (
	"fmt"
	"strings"
	"sync"
)

// Steer sets the learning rates of networks while they train: all of them are multiplied by what it returns for a step, the first
// being 0, and by Experiment.Schedule where there is one. It is asked about each step once, in their order, at most a tenth of a
// second before the first network makes that step. The others get the same factor at the same step. Of networks that train side by side
// none goes ahead of another by more than the steps between two evaluations, so that what was done is soon seen in all.
//
// What it returned is recorded: Network.Schedule of a run that was steered gives back exactly the factors that its steps were made with, and
// beyond the last of them that one. So it is an ordinary run with a schedule: trained again with that schedule it has the same bits, and
// where it is done it is stored as that, and found again by it. A training that is steered looks for nothing in the store, since nobody
// knows yet what it will be. A factor that is no finite number, 0 or above, ends the training with an error.
type Steer func(step int) (factor float64)

// helm is a Steer with what it has returned so far.
type helm struct {
	steer    Steer
	checksum string // of the data

	mutex   sync.Mutex
	factors []float64 // of the steps from 0 on
}

// ask returns the factor of a step that is about to be made.
func (h *helm) ask(step int) float64 {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	for next := len(h.factors); next <= step; next++ {
		factor := h.steer(next)
		if !nonNegative(factor) {
			panic(fmt.Errorf("Options.Steer(%d) is %v; allowed: a finite number, 0 or above", next, factor))
		}
		h.factors = append(h.factors, factor)
	}
	return h.factors[step]
}

// recorded returns the factor of a step that was made, and for later ones the last.
func (h *helm) recorded(step int) float64 {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if len(h.factors) == 0 {
		return 1
	}
	return h.factors[max(0, min(step, len(h.factors)-1))]
}

// take lets the network of a job be steered. n is the same network in the call.
func (h *helm) take(n *Network, j *job) {
	times := func(at func(step int) float64) func(int) float64 {
		own := n.Schedule
		if own == nil {
			return at
		}
		return func(step int) float64 { return own(step) * at(step) }
	}
	j.Network.Schedule, j.Network.Steered = times(h.ask), true
	n.Schedule = times(h.recorded)
	j.run.Network.Schedule = n.Schedule
}

// rekey gives a run that is done the keys that its schedule makes.
func (h *helm) rekey(j *job) {
	was := j.run.Key
	j.Network.Schedule = j.run.Network.Schedule
	j.run.Key = onMachine(j.Network.Key(h.checksum), j.run.Machine)
	for hook, key := range j.histories {
		j.histories[hook] = j.run.Key + strings.TrimPrefix(key, was)
	}
}
