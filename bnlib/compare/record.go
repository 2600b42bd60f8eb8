package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"

	"batchnorm/data"
)

// recordedSteps are the steps of the study whose losses in JAX the tests of bnlib compare ours with.
const recordedSteps = 200

// recording is the file of JAX's losses.
type recording struct {
	From     string     `json:"from"`
	Orders   int        `json:"orders"`   // of summation, in float32
	Networks []recorded `json:"networks"` // experiments 1 to 8, without and with batch normalization
}

// recorded is the losses of one network in float64, and what float32 makes of them in several orders of summation: the
// training losses of all steps and the validation loss after the last, up to the first that is not finite.
type recorded struct {
	Float64 []float64 `json:"float64"`
	Spread  []float64 `json:"spread"` // the largest distance of a loss in float32 from the one in float64, relative to it
	Ends    [2]int    `json:"ends"`   // the fewest and the most finite losses of an order
}

// instructions are the sets of instructions, of an x86 processor with AVX-512, that XLA is confined to in turn.
var instructions = []string{"SSE4_2", "AVX2", "AVX512"}

// shuffles says how often JAX trains with each set of instructions, every time with pixels, hidden units and the images of a
// minibatch in another order: that changes the order in which products are summed and nothing else.
const shuffles = 8

// record lets JAX train the study in float64 and, in several orders, in float32, and writes its losses.
func record(ctx context.Context, at place, d *data.Dataset, path string) error {
	w := studyWork(recordedSteps)
	if err := handOver(at.jobs, d, runtime.NumCPU(), w); err != nil {
		return err
	}
	jax, err := choose("jax-scan")
	if err != nil {
		return err
	}
	say := func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
	train := func(env ...string) (result, error) {
		results, err := measure(w, jax, 1, func(p program) *exec.Cmd {
			cmd := p.command(ctx, at, w)
			cmd.Env = append(cmd.Env, env...)
			cmd.Env = append(cmd.Env, "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=0",
				"JAX_COMPILATION_CACHE_DIR="+filepath.Join(at.jobs, "compiled"))
			return cmd
		}, say)
		if err != nil {
			return result{}, err
		}
		return results[0], nil
	}
	exact, err := train("JAX_ENABLE_X64=1")
	if err != nil {
		return err
	}
	var rounded []result
	for _, set := range instructions {
		for range shuffles {
			r, err := train("JAX_ENABLE_X64=0", "XLA_FLAGS=--xla_cpu_max_isa="+set, fmt.Sprintf("SHUFFLE=%d", len(rounded)+1))
			if err != nil {
				return err
			}
			rounded = append(rounded, r)
		}
	}
	r := recording{
		From: fmt.Sprintf("%s, jit + lax.scan, on the processor; made by: go run ./bnlib/compare -record bnlib/testdata/jax_losses.json",
			exact.version),
		Orders: len(rounded),
	}
	for i := range w.networks {
		var orders [][]float32
		for _, r := range rounded {
			orders = append(orders, r.course(i))
		}
		r.Networks = append(r.Networks, summarize(exact.course(i), orders))
	}
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return write(path, append(text, '\n'))
}

// course returns the losses of a network in the last turn, the training losses and the validation loss.
func (r result) course(network int) []float32 {
	return append(slices.Clone(r.losses[network]), float32(r.validation[network]))
}

// summarize says how far the losses of a network in float32, [orders], are from those in float64.
func summarize(exact []float32, orders [][]float32) recorded {
	exact = finitePart(exact)
	r := recorded{Ends: [2]int{math.MaxInt, 0}}
	for _, x := range exact {
		r.Float64 = append(r.Float64, digits(x, 7))
	}
	for _, losses := range orders {
		end := len(finitePart(losses))
		r.Ends[0], r.Ends[1] = min(r.Ends[0], end), max(r.Ends[1], end)
	}
	for k := range min(len(exact), r.Ends[0]) {
		most := 0.0
		for _, losses := range orders {
			most = max(most, math.Abs(float64(losses[k])/float64(exact[k])-1))
		}
		r.Spread = append(r.Spread, digits(most, 2))
	}
	return r
}

// digits rounds x to some decimal digits, of which a file then holds no more.
func digits[F float32 | float64](x F, n int) float64 {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(float64(x), 'g', n, 64), 64)
	if err != nil {
		panic(err) // what FormatFloat writes can be read
	}
	return rounded
}

func finitePart(losses []float32) []float32 {
	for i, x := range losses {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return losses[:i]
		}
	}
	return losses
}
