// Sweep trains grids that outgrow one machine: every process trains its share and puts runs into a store that all share, by what they
// computed. Nobody coordinates: the store is the only truth, what it has is not trained again, and a process that died is started
// again. docker/sweep.sbatch does it on Slurm, docker/job.yaml on Kubernetes.
//
//	go run ./notebooks sweep                     what there is
//	go run ./notebooks sweep phase -shard 3/8    train the fourth of eight shares
//	go run ./notebooks sweep phase -missing      what no process has trained yet
//	go run ./notebooks sweep phase -draw map.png the figure, once it is whole
//
// # A hundred thousand networks
//
// On paper, from what was measured on one machine of two cores, for the article's network:
//   - Time: a core makes some 1900 network-steps a second (README, "How fast"): 15 core hours at 1000 steps each, a month of one core
//     at 50000. A process takes seconds to start and compile, so a share should have a minute's work at least.
//   - Disk: a run is 0.55 MB, nearly all of it weights, and 0.75 MB with the losses of 50000 steps: 55 to 75 GB in 100000 files. This
//     breaks first; job.yaml asks for 10 GiB, room for 19000.
//   - The folder: each run is one file made, flushed and renamed. A local disk did a hundred a second for one writer, memory five
//     thousand (go test ./bnlib -run '^$' -bench GridStored). Networks of 1000 steps come at two a second from each core, so from some
//     fifty cores on such a disk is what they wait for; those of 50000 steps would need thousands of cores.
//   - Reading: -missing reads a header of each run, 0.1 to 0.2 ms on a local disk (the same benchmark): 10 to 20 s; where a file
//     costs a millisecond of network, minutes. A share reads its own runs and the names of the others.
//   - Memory: the list of all networks takes 24 MB, their results 75 MB. Weights are stored and let go.
//   - Schedulers: an array of Slurm has 1000 tasks at most unless its MaxArraySize is raised: a hundred networks a share. An Indexed
//     Job may have as many indexes as there are networks.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"batchnorm/bnlib"
	"batchnorm/bnlib/backend"
)

// How the command ends. Schedulers tell by it whether to try again.
const (
	done    = 0
	lacking = 1  // -missing or -draw: something is not trained yet
	never   = 64 // a mistake in what was asked: the same command fails again (EX_USAGE)
	again   = 75 // stopped, a full disk, a folder that cannot be written: the same command goes on where this one was (EX_TEMPFAIL)
)

// codeOf returns how the command ends with an error. What fails before the first step and is not the doing of a file system fails
// again: it is in the grid. The rest may be the machine's.
func codeOf(err error, began bool) int {
	_, isFile := errors.AsType[*fs.PathError](err)
	_, isLink := errors.AsType[*os.LinkError](err)
	switch {
	case err == nil:
		return done
	case began, isFile, isLink, errors.Is(err, context.Canceled):
		return again
	}
	return never
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	code, err := run(ctx, os.Args[1:], os.Getenv, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "sweep:", err)
	}
	os.Exit(code)
}

func run(ctx context.Context, args []string, getenv func(string) string, out io.Writer) (code int, err error) {
	var name string
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	}
	flags := flag.NewFlagSet("sweep", flag.ContinueOnError)
	flags.SetOutput(out)
	shard := flags.String("shard", "", "train the share `I/N`: every N-th point of the grid, from the I-th on, counted from 0")
	store := flags.String("store", "", "the `folder` that all processes share (default: that of the notebooks)")
	missing := flags.Bool("missing", false, "train nothing; say what the store lacks")
	draw := flags.String("draw", "", "train nothing; draw what the store has into a PNG `file`")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return done, nil
		}
		return never, err
	}
	if flags.NArg() > 0 {
		return never, fmt.Errorf("%q: nothing can stand there", flags.Arg(0))
	}
	if name == "" {
		for _, s := range sweeps {
			fmt.Fprintf(out, "%-8s %5d networks: %s\n", s.name, len(s.grid().Networks()), s.about)
		}
		return done, nil
	}
	s, err := find(name)
	if err != nil {
		return never, err
	}
	options := &bnlib.Options{}
	if *store != "" {
		options.Store = &bnlib.Store{Dir: *store}
	}
	mine, err := shareOf(*shard, getenv)
	reports := *missing || *draw != ""
	switch {
	case reports && *shard != "":
		return never, fmt.Errorf("-shard is %q beside -missing or -draw, which tell of the whole; allowed: one of them", *shard)
	case err != nil && !reports:
		return never, err
	}
	if _, err := backend.Open(); err != nil { // another machine may have it
		return again, err
	}
	if reports {
		return report(s, *draw, options, out)
	}
	return train(ctx, s, mine, options, out)
}

// report says what the store has of a sweep, and draws it.
func report(s sweep, file string, options *bnlib.Options, out io.Writer) (int, error) {
	results, lacks, err := s.grid().Stored(options)
	if err != nil {
		return codeOf(err, false), err
	}
	fmt.Fprintf(out, "%s: %d of %d networks are stored\n", s.name, len(results.Runs)-lacks, len(results.Runs))
	const most = 20
	told := 0
	for i, n := range s.grid().Networks() {
		if results.Runs[i] != nil {
			continue
		}
		if told++; told > most {
			fmt.Fprintf(out, "  … and %d more\n", lacks-most)
			break
		}
		fmt.Fprintf(out, "  missing: %s, %s, seed %d\n", n.Name, n.Norm.Name, n.Seed)
	}
	tellMachines(results.Runs, out)
	if lacks > 0 {
		if file != "" {
			err = fmt.Errorf("%s is not drawn: %d networks are missing", file, lacks)
		}
		return lacking, err
	}
	if file == "" {
		return done, nil
	}
	png, err := s.draw(results).PNG()
	if err == nil {
		err = os.WriteFile(file, png, 0o644)
	}
	return codeOf(err, false), err
}

// tellMachines says what the runs were computed on: on one kind of machine they are, bit for bit, what a single process trains.
func tellMachines(runs []*bnlib.Run, out io.Writer) {
	var kinds []string // in the order in which they first appear
	networks := map[string]int{}
	for _, run := range runs {
		if run == nil {
			continue
		}
		if networks[run.Machine]++; networks[run.Machine] == 1 {
			kinds = append(kinds, run.Machine)
		}
	}
	for _, kind := range kinds {
		fmt.Fprintf(out, "  trained on %s: %d networks\n", kind, networks[kind])
	}
	if len(kinds) > 1 {
		fmt.Fprintf(out, "  %d kinds of machines: where one trains what another would have, losses differ in their last bits\n", len(kinds))
	}
}

// train trains a share of a sweep.
func train(ctx context.Context, s sweep, mine share, options *bnlib.Options, out io.Writer) (int, error) {
	p := &progress{out: out, name: fmt.Sprintf("%s, share %d of %d", s.name, mine.index, mine.count)}
	options.Recorder = p
	runs, err := s.grid().TrainShard(ctx, mine.index, mine.count, options)
	if err != nil {
		return codeOf(err, p.began), err
	}
	diverged := 0
	for _, run := range runs {
		if run.Status == bnlib.Diverged {
			diverged++
		}
	}
	fmt.Fprintf(out, "%s: its %d networks are stored; %d of them diverged, which is a result\n", p.name, len(runs), diverged)
	return done, nil
}

// progress says how much there is to train, and writes a line for every tenth of the work.
type progress struct {
	out   io.Writer
	name  string
	began bool
	told  int
}

func (p *progress) Record(at bnlib.Progress) {
	if !p.began {
		p.began = true
		toTrain := 0
		for _, run := range at.Runs {
			if run.Status == bnlib.Running {
				toTrain++
			}
		}
		fmt.Fprintf(p.out, "%s: %d of its %d networks are stored; trains the others\n", p.name, len(at.Runs)-toTrain, len(at.Runs))
	}
	if tenth := 10 * at.Done / max(1, at.Total); tenth > p.told {
		p.told = tenth
		fmt.Fprintf(p.out, "%s: %d%% of its steps, %.0f steps per second\n", p.name, 10*tenth, at.StepsPerSecond)
	}
}
