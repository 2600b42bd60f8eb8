package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"

	"batchnorm/data"
)

// recordedSteps are the steps of the study whose losses in JAX the tests of bnlib compare ours with.
const recordedSteps = 200

// recording is the file of JAX's losses.
type recording struct {
	From     string     `json:"from"`
	Networks []recorded `json:"networks"` // experiments 1 to 8, without and with batch normalization
}

// recorded is the training losses of one network, computed in float32 and in float64. A list ends before the first loss that is
// not finite.
type recorded struct {
	Float32 []float32 `json:"float32"`
	Float64 []float32 `json:"float64"`
}

// record lets JAX train the study and writes its losses.
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
	losses := func(x64 string) (result, error) {
		results, err := measure(w, jax, 1, func(p program) *exec.Cmd {
			cmd := p.command(ctx, at, w)
			cmd.Env = append(cmd.Env, "JAX_ENABLE_X64="+x64)
			return cmd
		}, say)
		if err != nil {
			return result{}, err
		}
		return results[0], nil
	}
	single, err := losses("0")
	if err != nil {
		return err
	}
	double, err := losses("1")
	if err != nil {
		return err
	}
	r := recording{From: fmt.Sprintf("%s, jit + lax.scan, on the processor; made by: go run ./bnlib/compare -record bnlib/testdata/jax_losses.json", single.version)}
	for i := range single.losses {
		r.Networks = append(r.Networks, recorded{finitePart(single.losses[i]), finitePart(double.losses[i])})
	}
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return write(path, append(text, '\n'))
}

func finitePart(losses []float32) []float32 {
	for i, x := range losses {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return losses[:i]
		}
	}
	return losses
}
