// Package upkeep looks after a folder of runs: says what it holds, reads all of it again, and removes what is old or too much. It needs
// no backend, so that a program that uses it is built in a moment.
package upkeep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"batchnorm/bnlib/internal/store"
)

// Size is a number of files and their bytes together.
type Size = store.Size

// Limits bound a folder; a limit of zero is none. See [Folder.Excess].
type Limits = store.Limits

// Folder is a folder of runs. One that is missing holds nothing.
type Folder struct{ Dir string }

func (f Folder) store() *store.Store { return &store.Store{Dir: f.Dir} }

// Holds is what a folder holds.
type Holds struct {
	Runs    Size      // of trained networks
	Looks   Size      // of what hooks saw of them
	Damaged Size      // of files that were found damaged and set aside
	Parts   Size      // of what is being written, or was when its writer died: swept after an hour
	Oldest  time.Time // the last use of what was not used for longest; zero if there is nothing
}

// All is the size of everything.
func (h Holds) All() Size {
	var all Size
	for _, s := range []Size{h.Runs, h.Looks, h.Damaged, h.Parts} {
		all.Files += s.Files
		all.Bytes += s.Bytes
	}
	return all
}

// Holds returns what the folder holds, by names and sizes of files: none is read.
func (f Folder) Holds() (Holds, error) {
	var h Holds
	files, err := f.store().Files()
	for _, file := range files {
		of := &h.Runs
		switch {
		case file.Damaged():
			of = &h.Damaged
		case file.Part():
			of = &h.Parts
		case isLook(file.Key):
			of = &h.Looks
		}
		of.Files++
		of.Bytes += file.Size
		if h.Oldest.IsZero() || file.Used.Before(h.Oldest) {
			h.Oldest = file.Used
		}
	}
	return h, err
}

// isLook tells what a hook saw of a run from the run: its key is the run's, a dash, and a digest of the hook.
func isLook(key string) bool { return strings.Count(key, "-") > 1 }

// Run is a run as a list tells it.
type Run struct {
	Key  string    `json:"-"`
	Used time.Time `json:"-"` // when it was last stored or read, to about an hour
	Size int64     `json:"-"` // in bytes, with what hooks saw of it

	Name  string // of its experiment
	Norm  string
	Steps int
	Seed  uint64
}

// List returns the folder's runs, those that were not used for longest first. Of a damaged one it says so in the error, and goes on.
func (f Folder) List(ctx context.Context) ([]Run, error) {
	files, err := f.store().Files()
	if err != nil {
		return nil, err
	}
	looks := map[string]int64{}
	var runs []Run
	var errs []error
	for _, file := range files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if file.Damaged() || file.Part() {
			continue
		}
		if isLook(file.Key) {
			looks[file.Key[:strings.LastIndexByte(file.Key, '-')]] += file.Size
			continue
		}
		run := Run{Key: file.Key, Used: file.Used, Size: file.Size}
		head, err := f.store().Peek(file.Key)
		if err == nil {
			err = json.Unmarshal(head, &run)
		}
		if errors.Is(err, store.ErrMissing) { // removed since
			continue
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		runs = append(runs, run)
	}
	for i := range runs {
		runs[i].Size += looks[runs[i].Key]
	}
	slices.SortStableFunc(runs, func(a, b Run) int { return a.Used.Compare(b.Used) })
	return runs, errors.Join(errs...)
}

// Verify reads every byte of every run and look and sets damaged files aside. It returns how many were sound, and of each of the
// others what was wrong and where it is now.
func (f Folder) Verify(ctx context.Context) (sound int, damaged []string, err error) {
	sound, found, err := f.store().Verify(ctx)
	for _, d := range found {
		damaged = append(damaged, d.Error())
	}
	return sound, damaged, err
}

// Excess returns what Prune would remove.
func (f Folder) Excess(limits Limits) (Size, error) {
	var size Size
	files, err := f.store().Excess(limits)
	for _, file := range files {
		size.Files++
		size.Bytes += file.Size
	}
	return size, err
}

// Prune removes files, those first that were not used for longest, until the folder is within the limits, and what writers that died
// left. A network whose run is gone is trained again when it is asked for.
func (f Folder) Prune(limits Limits) (removed Size, err error) { return f.store().Prune(limits) }

// Bytes writes a number of bytes as people say it.
func Bytes(n int64) string {
	size, unit := float64(n), "B"
	for _, next := range []string{"kB", "MB", "GB", "TB"} {
		if size < 999.5 {
			break
		}
		size, unit = size/1000, next
	}
	if size < 9.95 && unit != "B" {
		return fmt.Sprintf("%.1f %s", size, unit)
	}
	return fmt.Sprintf("%.0f %s", size, unit)
}
