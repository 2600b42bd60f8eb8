package bnlib

import (
	"encoding/gob"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"batchnorm/bnlib/host"
)

// Store keeps runs in a folder, each in a file named by its key. Several processes may use it at once.
type Store struct {
	Dir string
}

// storeFormat changes whenever the training itself or the format of a stored run does, so that older runs are not found.
const storeFormat = 2

// ErrNoRun says that a store has no run under a key.
var ErrNoRun = errors.New("no such run")

// DefaultStore is the folder runs in the project's own folder, see host.Dir.
func DefaultStore() (*Store, error) {
	dir, err := host.Dir()
	if err != nil {
		return nil, err
	}
	return &Store{Dir: filepath.Join(dir, "runs")}, nil
}

func (s *Store) path(key string) string { return filepath.Join(s.Dir, key+".run") }

// Load returns the run stored under key. The error wraps ErrNoRun if there is none, and says so if the file cannot be
// read. The run's Network has no model function, since a store cannot keep one.
func (s *Store) Load(key string) (*Run, error) {
	if key == "" || strings.ContainsAny(key, `/\.`) {
		return nil, fmt.Errorf("bnlib: key is %q; allowed: a Run's Key: %w", key, ErrNoRun)
	}
	f, err := os.Open(s.path(key))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("bnlib: run %s: %w", key, ErrNoRun)
	}
	if err != nil {
		return nil, fmt.Errorf("bnlib: run %s: %w", key, err)
	}
	defer f.Close()
	run := new(Run)
	if err := gob.NewDecoder(f).Decode(run); err != nil {
		return nil, fmt.Errorf("bnlib: run %s cannot be read: %w", key, err)
	}
	if run.Key != key {
		return nil, fmt.Errorf("bnlib: the file of run %s holds run %q", key, run.Key)
	}
	run.Network.complete = true
	return run, nil
}

// Save stores a run that is done, replacing one of the same key. The file appears whole or not at all.
func (s *Store) Save(run *Run) (err error) {
	if run.Status.Early() {
		return fmt.Errorf("bnlib: run %s is %s; allowed: a run that is done", run.Key, run.Status)
	}
	if err := os.MkdirAll(s.Dir, 0o755); err != nil {
		return fmt.Errorf("bnlib: store: %w", err)
	}
	f, err := os.CreateTemp(s.Dir, "*.part")
	if err != nil {
		return fmt.Errorf("bnlib: store: %w", err)
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
			err = fmt.Errorf("bnlib: storing run %s: %w", run.Key, err)
		}
	}()
	if err := gob.NewEncoder(f).Encode(run); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), s.path(run.Key))
}
