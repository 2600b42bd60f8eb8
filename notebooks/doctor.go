package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"batchnorm/bnlib/host"
	"batchnorm/bnlib/upkeep"
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

	installed := w.installed()
	steps, err := installed.steps(ctx)
	if err != nil {
		return err
	}
	stale := map[string]bool{}
	for _, s := range installed.stale(ctx, steps) {
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
		found, err := w.backend(ctx, &report{log: log}, nil)
		if err != nil {
			found = strings.ReplaceAll(err.Error(), "\n", "\n                    ")
		}
		say(err == nil, "compute", found, "")
	}
	if names, err := w.notebooks(); err == nil {
		say(len(names) > 0, "notebooks", strings.Join(names, ", "), "the clone is not complete: git status")
	}
	w.kept(say)
	if unwell {
		return errUnwell
	}
	return nil
}

// kept says what is kept on the disk: runs, and all else in the project's folder, the largest first.
func (w *workbook) kept(say func(ok bool, what, found, mend string)) {
	f, err := w.runs()
	var h upkeep.Holds
	if err == nil {
		h, err = f.Holds()
	}
	if err != nil {
		say(false, "runs", err.Error(), "")
	} else {
		say(true, "runs", f.Dir+": "+holding(h), "")
	}
	entries, err := os.ReadDir(w.state())
	if err != nil {
		say(false, "disk", err.Error(), "")
		return
	}
	type use struct {
		name  string
		bytes int64
	}
	var uses []use
	total := int64(0)
	for _, e := range entries {
		u := use{name: e.Name()}
		filepath.WalkDir(filepath.Join(w.state(), u.name), func(_ string, d fs.DirEntry, err error) error {
			if err != nil {
				return nil // what cannot be read, or is gone by now, is not counted
			}
			if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
				u.bytes += info.Size()
			}
			return nil
		})
		uses = append(uses, u)
		total += u.bytes
	}
	slices.SortFunc(uses, func(a, b use) int { return cmp.Compare(b.bytes, a.bytes) })
	var parts []string
	for _, u := range uses {
		if u.bytes >= 1e6 {
			parts = append(parts, u.name+" "+upkeep.Bytes(u.bytes))
		}
	}
	say(true, "disk", fmt.Sprintf("%s in %s: %s", upkeep.Bytes(total), w.state(), strings.Join(append(parts, "the rest below 1 MB each"), ", ")), "")
}
