package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	"batchnorm/bnlib/host"
)

// errUnwell ends the doctor's program with a failure; what is wrong has been said by then.
var errUnwell = errors.New("something is missing; the lines marked MISSING say how to mend it")

// doctor says what was found, chosen and missing.
func (w *workbook) doctor(ctx context.Context) error {
	unwell := false
	say := func(ok bool, what, found, mend string) {
		mark := "ok     "
		if !ok {
			mark, unwell = "MISSING", true
		}
		fmt.Fprintf(w.out, "%s  %-10s %s\n", mark, what, found)
		if !ok && mend != "" {
			fmt.Fprintf(w.out, "                    %s\n", strings.ReplaceAll(mend, "\n", "\n                    "))
		}
	}
	say(runtime.GOOS != "windows", "system", runtime.GOOS+"/"+runtime.GOARCH, "the Go kernel runs on Linux and macOS; on Windows use WSL")
	say(true, "clone", w.root, "")
	say(true, "folder", w.home, "")

	goroot, err := goroot(ctx, w.root)
	if err != nil {
		say(false, "Go", err.Error(), "")
	} else {
		say(true, "Go", fmt.Sprintf("%s in %s", runtime.Version(), goroot), "")
	}
	fault := compilerFault(ctx, w.root)
	say(fault == "", "compiler", "a C compiler, through which Go loads XLA", fault)

	p, err := host.FindPython(ctx, w.packages().Minor)
	if err != nil {
		say(false, "Python", strings.ReplaceAll(err.Error(), "\n", "\n                    "), "")
	} else {
		say(true, "Python", p.String(), "")
	}

	steps, err := w.steps(ctx)
	if err != nil {
		return err
	}
	stale := map[string]bool{}
	for _, s := range w.stale(ctx, steps) {
		stale[s.name] = true
	}
	for _, s := range steps {
		found := s.title
		if stale[s.name] {
			found += " (not done, or not for this clone as it is now)"
		}
		say(!stale[s.name], s.name, found, "go run ./notebooks setup")
	}
	// Opening a backend that is not there yet would install it.
	if !stale["backend"] {
		log, err := os.Create(w.log("doctor"))
		if err != nil {
			return err
		}
		defer log.Close()
		found, err := w.backend(ctx, &report{log: log})
		if err != nil {
			found = strings.ReplaceAll(err.Error(), "\n", "\n                    ")
		}
		say(err == nil, "compute", found, "")
	}
	if names, err := w.notebooks(); err == nil {
		say(len(names) > 0, "notebooks", strings.Join(names, ", "), "the clone is not complete: git status")
	}
	if unwell {
		return errUnwell
	}
	return nil
}
