package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"batchnorm/bnlib"
	"batchnorm/bnlib/backend"
	"batchnorm/bnlib/host"
	"batchnorm/data"

	"github.com/gomlx/compute"
)

// program is ours or a peer.
type program struct {
	name   string   // for the flag -peers
	title  string   // for the table
	python []string // arguments of Python, FOLDER standing for the job's; nil: this binary itself serves
	works  []string // names of the works it takes part in; nil: all
	order  bool     // it sees the minibatches of the hand-over, from the weights of the hand-over
}

const (
	oursName    = "ours"
	gomlxName   = "gomlx"
	ceilingName = "sgemm"
	folderWord  = "FOLDER"
)

var ours = program{name: oursName, title: "ours, bnlib.Train", order: true}

var peers = []program{
	{"jax-step", "JAX, jit a step", []string{"with_jax.py", folderWord, "step"}, nil, true},
	{"jax-scan", "JAX, jit + scan, a network at a time", []string{"with_jax.py", folderWord, "scan"}, nil, true},
	{"jax-together", "JAX, jit + scan, all networks in one", []string{"with_jax.py", folderWord, "together"}, nil, true},
	{"jax-apart", "JAX, jit + scan, a process for each core", []string{"apart.py", "with_jax.py", folderWord, "scan"}, nil, true},
	{"torch", "PyTorch, eager", []string{"with_torch.py", folderWord, "eager"}, nil, true},
	{"torch-compile", "PyTorch, torch.compile", []string{"with_torch.py", folderWord, "compile"}, []string{"pair"}, true},
	{"tensorflow", "TensorFlow, graph and session", []string{"with_tensorflow.py", folderWord}, nil, true},
	{gomlxName, "GoMLX, Trainer and Loop", nil, []string{"pair"}, false},
	{ceilingName, "the ceiling, SGEMM", []string{"sgemm.py", fmt.Sprint(runtime.NumCPU())}, []string{"pair"}, false},
}

// choose returns the peers of a comma-separated list of names; "all" and "none" are lists too.
func choose(list string) ([]program, error) {
	switch list {
	case "all":
		return peers, nil
	case "none":
		return nil, nil
	}
	var chosen []program
	for _, name := range strings.Split(list, ",") {
		i := slices.IndexFunc(peers, func(p program) bool { return p.name == name })
		if i < 0 {
			var names []string
			for _, p := range peers {
				names = append(names, p.name)
			}
			return nil, fmt.Errorf("-peers has %q; allowed: all, none, or some of %s", name, strings.Join(names, ","))
		}
		chosen = append(chosen, peers[i])
	}
	return chosen, nil
}

func (p program) takesPart(w work) bool { return p.works == nil || slices.Contains(p.works, w.name) }

// place says where things lie while programs run.
type place struct {
	self    string // this binary
	python  string // the peers' interpreter; empty if no chosen peer needs it
	scripts string // the peers' programs
	jobs    string // the hand-over
}

// command returns the command that serves a work.
func (p program) command(ctx context.Context, at place, w work) *exec.Cmd {
	folder := filepath.Join(at.jobs, w.name)
	if p.python == nil {
		cmd := exec.CommandContext(ctx, at.self, "-serve", p.name, folder)
		cmd.Env = append(os.Environ(), bnlib.QuickEnv+"=", host.ProgramsEnv+"=off") // all compile
		return cmd
	}
	args := slices.Clone(p.python)
	for i, arg := range args {
		if arg == folderWord {
			args[i] = folder
		}
	}
	cmd := exec.CommandContext(ctx, at.python, args...)
	cmd.Dir, cmd.Env = at.scripts, pythonEnv()
	return cmd
}

// inProcess are the programs that are this binary itself.
var inProcess = map[string]func(job, compute.Backend, *data.Dataset) (trainer, error){oursName: trainOurs, gomlxName: trainGoMLX}

// serveJob is what this binary does as a program of a comparison.
func serveJob(name, folder string) error {
	j, err := readJob(folder)
	if err != nil {
		return err
	}
	start := inProcess[name]
	if start == nil {
		return fmt.Errorf("-serve has %q; allowed: %s, %s", name, oursName, gomlxName)
	}
	on, err := backend.Open()
	if name == gomlxName {
		on, err = backend.Wide(runtime.GOMAXPROCS(0)) // as GoMLX opens it, on all cores
	}
	if err != nil {
		return err
	}
	d, err := data.MNIST()
	if err != nil {
		return err
	}
	train, err := start(j, on, d)
	if err != nil {
		return err
	}
	return serve(j, "", train, os.Stdin, os.Stdout)
}
