package main

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"batchnorm/bnlib"
)

// result is what a program did in its turns at a work.
type result struct {
	program
	version string
	steps   int       // network-steps of a turn
	seconds []float64 // of each turn
	compile float64   // seconds
	memory  int64     // bytes
	rates   map[string]float64
	losses  [][]float32 // of the last turn, [networks][steps]; nil if the program does not see the hand-over's minibatches

	validation []float64 // of the last turn, see answer
}

// pause lets the threads of the last program find their sleep before the next one's turn.
const pause = 300 * time.Millisecond

// measure lets programs do a work in turn, over and over. The programs stay alive and idle while others run. With an error it
// returns what they did in the rounds before it.
func measure(w work, programs []program, turns int, command func(program) *exec.Cmd, say func(format string, args ...any)) ([]result, error) {
	losses, err := os.MkdirTemp("", "batchnorm-compare-losses-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(losses)
	results := make([]result, len(programs))
	children := make([]*child, len(programs))
	for i, p := range programs {
		say("%s: %s compiles", w.title, p.title)
		c, err := start(command(p))
		if err != nil {
			return nil, fmt.Errorf("%s, %s: %w", w.title, p.title, err)
		}
		defer c.stop()
		children[i] = c
		results[i] = result{program: p, version: c.ready.Version, steps: w.steps(), compile: c.ready.Ready, rates: map[string]float64{}}
	}
	for turn := range turns {
		for i, c := range children {
			time.Sleep(pause)
			path, r := "", &results[i]
			if turn == turns-1 && r.order {
				path = filepath.Join(losses, r.name)
			}
			if err := r.turn(c, w, path); err != nil {
				for k := range results {
					results[k].seconds = results[k].seconds[:min(turn, len(results[k].seconds))]
				}
				return results, fmt.Errorf("%s, %s: %w", w.title, r.title, err)
			}
			if n := len(r.seconds); n > 0 {
				say("%s: turn %d of %d, %s: %.0f network-steps/s", w.title, turn+1, turns, r.title, float64(r.steps)/r.seconds[n-1])
			}
		}
	}
	return results, nil
}

// turn lets the program train once. If path is not empty, it leaves its losses there.
func (r *result) turn(c *child, w work, path string) error {
	a, err := c.turn(path)
	if err != nil {
		return err
	}
	r.memory, r.validation = max(r.memory, a.Memory), a.Validation
	for library, rate := range a.Rates {
		r.rates[library] = max(r.rates[library], rate)
	}
	if a.Seconds > 0 {
		r.seconds = append(r.seconds, a.Seconds)
	}
	if path != "" {
		r.losses, err = readLosses(path, len(w.networks), w.networks[0].Steps)
	}
	return err
}

func readLosses(path string, networks, steps int) ([][]float32, error) {
	flat, err := readFloats(path)
	if err != nil {
		return nil, err
	}
	if len(flat) != networks*steps {
		return nil, fmt.Errorf("it left %d training losses, want %d of each of %d networks", len(flat), steps, networks)
	}
	var losses [][]float32
	for ; len(flat) > 0; flat = flat[steps:] {
		losses = append(losses, flat[:steps])
	}
	return losses, nil
}

// rate returns the median of network-steps per second.
func (r result) rate() float64 { return float64(r.steps) / bnlib.NewSpread(r.seconds...).Median }

// times says how many times as fast r is as another: the ratio of medians, and the least and the greatest ratio within one turn.
func (r result) times(other result) bnlib.Spread {
	s := bnlib.Spread{Median: r.rate() / other.rate(), Min: math.Inf(1), Max: math.Inf(-1)}
	for i := range r.seconds {
		ratio := other.seconds[i] / r.seconds[i]
		s.Min, s.Max = min(s.Min, ratio), max(s.Max, ratio)
	}
	return s
}

// sameWorkSteps are the first steps, whose losses say whether two programs do the same work: later ones magnify what the order
// of a sum makes of the last digit.
const sameWorkSteps = 100

// difference returns the largest relative difference of the losses of two programs in their first steps; NaN if one does
// not tell. Networks whose losses don't stay finite in both are left out.
func (r result) difference(other result) float64 {
	if r.losses == nil || other.losses == nil {
		return math.NaN()
	}
	largest := 0.0
	for i := range r.losses {
		mine, theirs := r.losses[i], other.losses[i]
		for k := range min(sameWorkSteps, len(mine)) {
			d := math.Abs(float64(mine[k])/float64(theirs[k]) - 1)
			if math.IsNaN(d) || math.IsInf(d, 0) {
				break
			}
			largest = max(largest, d)
		}
	}
	return largest
}
