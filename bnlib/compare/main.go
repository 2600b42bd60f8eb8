// Compare trains the same networks with bnlib and with what a reader would otherwise use, in one session, in turn, and prints
// how many times as fast bnlib is:
//
//	go run ./bnlib/compare          a pair, against every peer
//	go run ./bnlib/compare -h       all flags
//
// The peers start from the same weights, see the same minibatches in the same order and evaluate at the same steps; a column
// of the table says how far their losses are apart. They are Python programs in an environment of their own below the
// project's folder, .batchnorm/peers, which this command makes and nothing else uses.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"batchnorm/bnlib"
	"batchnorm/data"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	err := run(ctx, os.Args[1:])
	if ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

// settings are the command line.
type settings struct {
	steps, turns        int
	peers               []program
	pair, study, sweep  bool
	job, record, serves string
	folder              string // of the job to serve
}

func parse(args []string) (settings, error) {
	var s settings
	var list string
	flags := flag.NewFlagSet("compare", flag.ContinueOnError)
	flags.IntVar(&s.steps, "steps", 5000, "training `steps` of each network in a turn")
	flags.IntVar(&s.turns, "turns", 5, "`turns` of each program")
	flags.StringVar(&list, "peers", "all", "`names` of peers, separated by commas: all, none or some of "+peerNames())
	flags.BoolVar(&s.pair, "pair", true, "compare on a pair, the networks of experiment 1 without and with batch normalization")
	flags.BoolVar(&s.study, "study", false, "compare on the sixteen networks of all eight experiments")
	flags.BoolVar(&s.sweep, "sweep", false, "measure ours on 2, 4, … 64 networks")
	flags.StringVar(&s.job, "job", "", "only write the hand-over, for a program of your own, to a `folder`")
	flags.StringVar(&s.record, "record", "", "only write JAX's losses of the study's first steps to a `file`, for the tests of bnlib")
	flags.StringVar(&s.serves, "serve", "", "what this command starts itself with: a `program`, and the folder of its job")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	every := bnlib.Article(1).Every
	var err error
	switch {
	case s.steps < 1 || s.steps > every && s.steps%every != 0:
		return s, fmt.Errorf("-steps is %d; allowed: 1 to %d, or a multiple of %d, the steps between two evaluations", s.steps, every, every)
	case s.turns < 1:
		return s, fmt.Errorf("-turns is %d; allowed: 1 or more", s.turns)
	case s.serves == "" && flags.NArg() > 0:
		return s, fmt.Errorf("there is nothing to do with %q", flags.Arg(0))
	}
	s.peers, err = choose(list)
	s.folder = flags.Arg(0)
	return s, err
}

func run(ctx context.Context, args []string) error {
	s, err := parse(args)
	if err != nil {
		return err
	}
	if s.serves != "" {
		return serveJob(s.serves, s.folder)
	}
	d, err := data.MNIST()
	if err != nil {
		return err
	}
	if s.job != "" {
		return handOver(s.job, d, runtime.NumCPU(), pairWork(s.steps), studyWork(s.steps))
	}
	temp, err := os.MkdirTemp("", "batchnorm-compare-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	at := place{jobs: filepath.Join(temp, "jobs"), scripts: filepath.Join(temp, "scripts")}
	if at.self, err = os.Executable(); err != nil {
		return err
	}
	needsPython := func(p program) bool { return p.python != nil }
	if s.record != "" || slices.ContainsFunc(s.peers, needsPython) {
		if at.python, err = peersPython(ctx); err != nil {
			return err
		}
		if err := writeScripts(at.scripts); err != nil {
			return err
		}
	}
	if s.record != "" {
		return record(ctx, at, d, s.record)
	}
	return compare(ctx, s, at, d)
}

// compare measures what the settings ask for and prints it.
func compare(ctx context.Context, s settings, at place, d *data.Dataset) error {
	say := func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
	fmt.Printf("%s, %d steps a network, an evaluation every %d; medians of %d turns, in parentheses the least and the greatest ratio within one turn.\n\n",
		machine(), s.steps, min(s.steps, bnlib.Article(1).Every), s.turns)
	var works []work
	if s.pair {
		works = append(works, pairWork(s.steps))
	}
	if s.study {
		works = append(works, studyWork(s.steps))
	}
	rates := map[string]float64{} // of the ceiling, measured along with the first work
	for _, w := range works {
		if err := handOver(at.jobs, d, runtime.NumCPU(), w); err != nil {
			return err
		}
		programs := []program{ours}
		for _, p := range s.peers {
			if p.takesPart(w) || p.name == ceilingName && len(rates) == 0 {
				programs = append(programs, p)
			}
		}
		results, err := measure(w, programs, s.turns, func(p program) *exec.Cmd { return p.command(ctx, at, w) }, say)
		for _, r := range results {
			if len(r.rates) > 0 {
				rates = r.rates
			}
		}
		if len(results) > 0 && len(results[0].seconds) > 0 {
			fmt.Println(table(w, results))
			if line := ceiling(w, results[0], rates); line != "" {
				fmt.Println(line)
			}
		}
		if err != nil {
			return err
		}
	}
	if !s.sweep {
		return nil
	}
	results, err := sweep(ctx, at, d, s.steps, s.turns, say)
	if err != nil {
		return err
	}
	fmt.Println(sweepTable(results))
	return nil
}

// sweepSizes are the numbers of networks in the sweeps that are measured.
var sweepSizes = []int{2, 4, 8, 16, 32, 64}

// sweep measures ours on sweeps of several sizes, a turn of one after a turn of another.
func sweep(ctx context.Context, at place, d *data.Dataset, steps, turns int, say func(string, ...any)) ([]result, error) {
	all := make([]result, len(sweepSizes))
	for turn := range turns {
		for i, size := range sweepSizes {
			w := sweepWork(size, steps)
			if turn == 0 {
				if err := handOver(at.jobs, d, runtime.NumCPU(), w); err != nil {
					return nil, err
				}
			}
			results, err := measure(w, []program{ours}, 1, func(p program) *exec.Cmd { return p.command(ctx, at, w) }, say)
			if err != nil {
				return nil, err
			}
			r := results[0]
			if turn > 0 {
				r.seconds = append(all[i].seconds, r.seconds...)
				r.compile = min(r.compile, all[i].compile)
			}
			r.title = w.title
			all[i] = r
		}
	}
	return all, nil
}

// machine describes the processor.
func machine() string {
	model := runtime.GOARCH
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
				model = strings.TrimSpace(value)
			}
		}
	}
	return fmt.Sprintf("%s, %d cores", model, runtime.NumCPU())
}

func peerNames() string {
	var names []string
	for _, p := range peers {
		names = append(names, p.name)
	}
	return strings.Join(names, ",")
}
