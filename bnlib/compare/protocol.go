package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
)

// answer is a line that a program prints: once when it is compiled and warm, then after each turn. peers/job.py says the same
// in Python.
type answer struct {
	Ready   float64 `json:"ready,omitempty"`   // seconds that compiling took
	Version string  `json:"version,omitempty"` // of the library

	Seconds float64 `json:"seconds,omitempty"` // of the steps of a turn, evaluations included
	Memory  int64   `json:"memory,omitempty"`  // bytes, the most the program has held; 0: the system does not say
	// Validation is the loss of each network on the validation images after its last step, 0 where it is not finite; nil if
	// the program does not tell.
	Validation []float64          `json:"validation,omitempty"`
	Rates      map[string]float64 `json:"rates,omitempty"` // GFLOP/s of a library's product, from the program that measures the ceiling
}

// child is a program at work. It stays alive from turn to turn and waits on its standard input between them.
type child struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Scanner
	errors *tail
	ready  answer
}

// start starts a program and waits until it is warm.
func start(cmd *exec.Cmd) (*child, error) {
	c := &child{cmd: cmd, errors: new(tail)}
	cmd.Stderr = c.errors
	var err error
	if c.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.out = bufio.NewScanner(out)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c.ready, err = c.answer()
	return c, err
}

// turn lets the program train once. If losses is not empty, it names a file for the training losses.
func (c *child) turn(losses string) (answer, error) {
	if _, err := fmt.Fprintln(c.in, losses); err != nil {
		return answer{}, c.fault(err)
	}
	return c.answer()
}

// answer waits for the program's next answer. Lines that are none are a library's messages.
func (c *child) answer() (answer, error) {
	var a answer
	for c.out.Scan() {
		line := c.out.Bytes()
		if len(line) == 0 || line[0] != '{' {
			continue
		}
		if err := json.Unmarshal(line, &a); err != nil {
			c.stop()
			return a, c.fault(fmt.Errorf("it answers %q: %w", line, err))
		}
		return a, nil
	}
	err := c.out.Err()
	if err == nil {
		err = errors.New("it ended without an answer")
	}
	c.stop() // waits for what it still has to say
	return a, c.fault(err)
}

func (c *child) fault(err error) error {
	if said := c.errors.String(); said != "" {
		err = fmt.Errorf("%w; its last lines:\n%s", err, said)
	}
	return err
}

// stop ends the program, which has nothing more to read, if it has not ended.
func (c *child) stop() {
	c.in.Close()
	for c.out.Scan() {
	}
	c.cmd.Wait()
}

// tail keeps the last lines that are written to it.
type tail struct {
	mutex sync.Mutex
	text  string
}

const tailLines = 12

func (t *tail) Write(p []byte) (int, error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	lines := strings.SplitAfter(t.text+string(p), "\n")
	t.text = strings.Join(lines[max(0, len(lines)-tailLines):], "")
	return len(p), nil
}

func (t *tail) String() string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return strings.TrimSpace(t.text)
}

// trainer is what a program of this binary does: it trains for some steps and returns the answer to it and the training losses,
// [networks][steps], nil if it does not keep them.
type trainer func(steps int) (answer, [][]float32, error)

// serve is the program's side.
func serve(j job, version string, train trainer, in io.Reader, out io.Writer) error {
	reply := json.NewEncoder(out)
	warm, _, err := train(j.Every)
	if err != nil {
		return err
	}
	if err := reply.Encode(answer{Ready: warm.Ready, Version: version}); err != nil {
		return err
	}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		a, losses, err := train(j.Steps)
		if err != nil {
			return err
		}
		if path := strings.TrimSpace(lines.Text()); path != "" && losses != nil {
			var all []byte
			for _, one := range losses {
				all = append(all, floatBytes(one)...)
			}
			if err := os.WriteFile(path, all, 0o644); err != nil {
				return err
			}
		}
		a.Ready, a.Memory = 0, memory()
		if err := reply.Encode(a); err != nil {
			return err
		}
	}
	return lines.Err()
}

// memory returns the most memory that this process has held, in bytes; 0 where the system does not say.
func memory() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		var kB int64
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kB); n == 1 {
			return kB << 10
		}
	}
	return 0
}
