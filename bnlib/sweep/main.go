// Sweep trains grids that outgrow one machine: every process trains its share and puts runs into a store that all share, by what they
// computed. Nobody coordinates: the store is the only truth, what it has is not trained again, and a process that died is started
// again. See docker/ for Slurm and Kubernetes.
//
//	go run ./notebooks sweep                     what there is
//	go run ./notebooks sweep phase -shard 3/8    train the fourth of eight shares
//	go run ./notebooks sweep phase -missing      what no process has trained yet
//	go run ./notebooks sweep phase -draw map.png the figure, once it is whole
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"batchnorm/bnlib"
)

// How the command ends. Schedulers tell by it whether to try again.
const (
	done    = 0
	lacking = 1  // -missing or -draw: something is not trained yet
	never   = 64 // a mistake in what was asked: the same command fails again (EX_USAGE)
	again   = 75 // stopped, a full disk, a folder that cannot be written: the same command goes on where this one was (EX_TEMPFAIL)
)

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
	if *missing || *draw != "" {
		return report(s, *draw, options, out)
	}
	mine, err := shareOf(*shard, getenv)
	if err != nil {
		return never, err
	}
	return train(ctx, s, mine, options, out)
}

// report says what the store has of a sweep, and draws it.
func report(s sweep, file string, options *bnlib.Options, out io.Writer) (int, error) {
	results, lacks, err := s.grid().Stored(options)
	if err != nil {
		return again, err
	}
	networks := s.grid().Networks()
	fmt.Fprintf(out, "%s: %d of %d networks are stored\n", s.name, len(networks)-lacks, len(networks))
	const most = 20
	for i, told := 0, 0; i < len(networks) && lacks > 0; i++ {
		if results.Runs[i] != nil {
			continue
		}
		if told++; told > most {
			fmt.Fprintf(out, "  … and %d more\n", lacks-most)
			break
		}
		fmt.Fprintf(out, "  missing: %s\n", title(networks[i]))
	}
	if lacks > 0 {
		if file != "" {
			return lacking, fmt.Errorf("%s is not drawn: %d networks are missing", file, lacks)
		}
		return lacking, nil
	}
	for _, machine := range machines(results.Runs) {
		fmt.Fprintf(out, "  trained on %s\n", machine)
	}
	if file == "" {
		return done, nil
	}
	png, err := s.draw(results).PNG()
	if err == nil {
		err = os.WriteFile(file, png, 0o644)
	}
	if err != nil {
		return again, err
	}
	return done, nil
}

func title(n bnlib.Network) string {
	return fmt.Sprintf("%s, %s, seed %d", n.Name, n.Norm.Name, n.Seed)
}

// machines returns what the runs were computed on, in the order in which that first appears.
func machines(runs []*bnlib.Run) []string {
	var all []string
	seen := map[string]bool{}
	for _, run := range runs {
		if !seen[run.Machine] {
			seen[run.Machine] = true
			all = append(all, run.Machine)
		}
	}
	return all
}

// train trains a share of a sweep.
func train(ctx context.Context, s sweep, mine share, options *bnlib.Options, out io.Writer) (int, error) {
	grid, name := s.grid(), fmt.Sprintf("%s, share %d of %d", s.name, mine.index, mine.count)
	stored, _, err := grid.Stored(options)
	if err != nil {
		return again, err
	}
	// What a process on a machine of another kind has trained is not trained again: one of each is enough.
	var networks []bnlib.Network
	of := len(stored.Runs) / grid.Points() // networks of a point, which stand together
	points := grid.Shard(mine.index, mine.count)
	for _, point := range points {
		for i, n := range grid.Networks(point) {
			if stored.Runs[point*of+i] == nil {
				networks = append(networks, n)
			}
		}
	}
	fmt.Fprintf(out, "%s: %d of its %d networks are stored\n", name, len(points)*of-len(networks), len(points)*of)
	if len(networks) == 0 {
		return done, nil
	}
	options.Recorder = &progress{out: out, name: name}
	runs, err := bnlib.Train(ctx, networks, options)
	if err != nil {
		return again, err
	}
	diverged := 0
	for _, run := range runs {
		if run.Status == bnlib.Diverged {
			diverged++
		}
	}
	fmt.Fprintf(out, "%s: trained the other %d; %d of those diverged, which is a result\n", name, len(runs), diverged)
	return done, nil
}

// progress writes a line for every tenth of the work.
type progress struct {
	out  io.Writer
	name string
	told int
}

func (p *progress) Record(at bnlib.Progress) {
	if tenth := 10 * at.Done / max(1, at.Total); tenth > p.told {
		p.told = tenth
		fmt.Fprintf(p.out, "%s: %d%% of its steps, %.0f steps per second\n", p.name, 10*tenth, at.StepsPerSecond)
	}
}
