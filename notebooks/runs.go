package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"batchnorm/bnlib/host"
	"batchnorm/bnlib/upkeep"
)

// onRuns is what doctor is asked to do with the folder of runs.
type onRuns struct {
	list, verify, prune, dry bool
	limits                   upkeep.Limits
}

// register adds the flags to those of a command line.
func (o *onRuns) register(flags *flag.FlagSet) {
	flags.BoolVar(&o.list, "list", false, "")
	flags.BoolVar(&o.verify, "verify", false, "")
	flags.BoolVar(&o.prune, "prune", false, "")
	flags.BoolVar(&o.dry, "dry-run", false, "")
	flags.Func("age", "", func(text string) (err error) {
		o.limits.Age, err = parseAge(text)
		return err
	})
	flags.Func("size", "", func(text string) (err error) {
		o.limits.Bytes, err = parseSize(text)
		return err
	})
}

// check finds what does not go together.
func (o *onRuns) check() error {
	limited := o.limits != upkeep.Limits{}
	switch {
	case o.prune && !limited:
		return errors.New("-prune: what may go? Say -age 90d (not used for so long), -size 2GB (all that is more), or both")
	case !o.prune && (limited || o.dry):
		return errors.New("-age, -size and -dry-run go with -prune")
	}
	return nil
}

// any tells whether anything is asked.
func (o onRuns) any() bool { return o.list || o.verify || o.prune }

// parseAge reads 90d, 2w, or a duration of Go's.
func parseAge(text string) (time.Duration, error) {
	day := 24 * time.Hour
	for unit, length := range map[string]time.Duration{"d": day, "w": 7 * day} {
		if number, ok := strings.CutSuffix(text, unit); ok {
			n, err := strconv.ParseFloat(number, 64)
			if age := n * float64(length); err == nil && n > 0 && age < math.MaxInt64 {
				return time.Duration(age), nil
			}
		}
	}
	if age, err := time.ParseDuration(text); err == nil && age > 0 {
		return age, nil
	}
	return 0, errors.New("allowed: a time above 0, such as 90d, 2w or 12h")
}

// parseSize reads 2GB, 500MB, or a number of bytes.
func parseSize(text string) (int64, error) {
	number, factor := strings.ToUpper(text), 1.0
	for i, unit := range []string{"KB", "MB", "GB", "TB"} {
		if before, ok := strings.CutSuffix(number, unit); ok {
			number, factor = before, math.Pow(1000, float64(i+1))
			break
		}
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if size := n * factor; err == nil && size >= 1 && size < math.MaxInt64 {
		return int64(size), nil
	}
	return 0, errors.New("allowed: a size above 0, such as 2GB or 500MB")
}

// runs is the folder that what was trained is kept in.
func (w *workbook) runs() (upkeep.Folder, error) {
	dir, err := host.Runs()
	return upkeep.Folder{Dir: dir}, err
}

// keep lists, verifies and prunes the folder of runs, in this order, as far as it is asked.
func (w *workbook) keep(ctx context.Context, o onRuns) error {
	f, err := w.runs()
	if err != nil {
		return err
	}
	if o.list {
		runs, err := f.List(ctx)
		for _, r := range runs {
			fmt.Fprintf(w.out, "%s  %s  %7s  %s, %s, %d steps, seed %d\n", r.Used.Format(time.DateOnly), short(r.Key), upkeep.Bytes(r.Size),
				r.Name, r.Norm, r.Steps, r.Seed)
		}
		if err != nil {
			return err
		}
	}
	if o.verify {
		sound, damaged, err := f.Verify(ctx)
		fmt.Fprintf(w.out, "Read every byte of %s: %s sound, %d damaged.\n", f.Dir, count(sound, "file"), len(damaged))
		for _, what := range damaged {
			fmt.Fprintln(w.out, what)
		}
		if err != nil {
			return err
		}
		if len(damaged) > 0 {
			return errDamaged
		}
	}
	if o.prune {
		prune, did := f.Prune, "Removed"
		if o.dry {
			prune, did = f.Excess, "Would remove"
		}
		removed, err := prune(o.limits)
		fmt.Fprintf(w.out, "%s %s, %s.\n", did, count(removed.Files, "file"), upkeep.Bytes(removed.Bytes))
		if err != nil {
			return err
		}
	}
	h, err := f.Holds()
	if err != nil {
		return err
	}
	fmt.Fprintf(w.out, "%s holds %s.\n", f.Dir, holding(h))
	return nil
}

// errDamaged ends the doctor's program with a failure; which files were damaged has been said by then.
var errDamaged = errors.New("damaged files were set aside; their networks are trained again when they are asked for")

// short is as much of a key as tells runs apart for people.
func short(key string) string { return key[:min(12, len(key))] }

// holding says what a folder of runs holds.
func holding(h upkeep.Holds) string {
	if h.All().Files == 0 {
		return "nothing yet"
	}
	text := fmt.Sprintf("%s and %s inside networks, %s, the longest unused since %s", count(h.Runs.Files, "run"), count(h.Looks.Files, "look"),
		upkeep.Bytes(h.All().Bytes), h.Oldest.Format(time.DateOnly))
	for _, also := range []struct {
		upkeep.Size
		what string
	}{{h.Damaged, "damaged and set aside"}, {h.Parts, "being written, or left by a writer that died"}} {
		if also.Files > 0 {
			text += fmt.Sprintf("; %s %s, %s", count(also.Files, "file"), also.what, upkeep.Bytes(also.Bytes))
		}
	}
	return text
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprint(n, " ", what)
}

// plenty is how much of the disk runs take before that is said.
const plenty = 5e9

// remind says that runs take much of the disk. None is removed unless somebody asks: to train it may have taken hours.
func (w *workbook) remind() {
	f, err := w.runs()
	if err != nil {
		return
	}
	if h, err := f.Holds(); err == nil && h.All().Bytes > plenty {
		fmt.Fprintf(w.out, "The runs in %s take %s. To remove those not used for so long: go run ./notebooks doctor -prune -age 90d\n",
			f.Dir, upkeep.Bytes(h.All().Bytes))
	}
}
