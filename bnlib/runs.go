package bnlib

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"batchnorm/bnlib/host"
	"batchnorm/bnlib/internal/store"
	"batchnorm/bnlib/probe"
	"batchnorm/data"

	"github.com/gomlx/gomlx/ml/layers/activation"
)

// Store keeps runs in a folder, by what they computed. Several processes may use it at once; see package store for what can go
// wrong and what becomes of it.
type Store struct {
	Dir string
}

// ErrNoRun says that a store has no run under a key.
var ErrNoRun = errors.New("no such run")

// StoreEnv names the environment variable that overrides the folder of [DefaultStore]: for a project's folder that cannot be
// written, or to keep runs elsewhere.
const StoreEnv = "BATCHNORM_RUNS"

// DefaultStore is the folder $BATCHNORM_RUNS if set, else runs in the project's own folder, see package host. It is made once there
// is something to keep.
func DefaultStore() (*Store, error) {
	if dir := os.Getenv(StoreEnv); dir != "" {
		dir, err := filepath.Abs(dir)
		if err != nil {
			return nil, fmt.Errorf("bnlib: %s: %w", StoreEnv, err)
		}
		return &Store{Dir: dir}, nil
	}
	dir, err := host.Dir()
	if err != nil {
		return nil, err
	}
	return &Store{Dir: filepath.Join(dir, "runs")}, nil
}

// folders are the folders that this process keeps runs in. Each is swept once, however many Stores name it.
var folders sync.Map // of *store.Store, by its folder

func (s *Store) files() *store.Store {
	folder, _ := folders.LoadOrStore(s.Dir, &store.Store{Dir: s.Dir})
	return folder.(*store.Store)
}

// number is a float64 that JSON keeps, NaN and infinite as well.
type number float64

func (n number) MarshalJSON() ([]byte, error) {
	if f := float64(n); !finite(f) {
		return json.Marshal(strconv.FormatFloat(f, 'g', -1, 64))
	}
	return json.Marshal(float64(n))
}

func (n *number) UnmarshalJSON(text []byte) error {
	var word string
	if json.Unmarshal(text, &word) == nil {
		f, err := strconv.ParseFloat(word, 64)
		*n = number(f)
		return err
	}
	return json.Unmarshal(text, (*float64)(n))
}

// head is all of a run but its losses, its weights and what hooks saw.
type head struct {
	Name         string
	Norm         string
	Color        string
	Dashed       bool
	InitStd      number
	LearningRate number
	Activation   activation.Type
	Hidden       []int
	Batch        int
	Steps        int
	Every        int
	Seed         uint64
	Stds         ByVariable `json:",omitempty"`
	Rates        ByVariable `json:",omitempty"`
	Decay        ByVariable `json:",omitempty"`

	Machine        string
	Finished       time.Time
	Notes          []string `json:",omitempty"`
	Status         Status
	DivergedAt     int
	Points         [][3]number // step, loss, accuracy
	Test           number
	Answers        [data.Classes]int
	Cause          Cause
	StepsPerSecond number
	Lockstep       int
	Trained        map[string]bool // of every variable: whether it is trainable
}

const weightPrefix = "weights/"

// Save stores a run that is done, less what hooks saw, replacing one of the same key. It is there whole or not at all.
func (s *Store) Save(run *Run) error {
	if run.Status.Early() {
		return fmt.Errorf("bnlib: run %s is %s; allowed: a run that is done", run.Key, run.Status)
	}
	n := run.Network
	h := head{
		Name: n.Name, Norm: n.Norm.Name, Color: n.Norm.Color, Dashed: n.Norm.Dashed,
		InitStd: number(n.InitStd), LearningRate: number(n.LearningRate), Activation: n.Activation, Hidden: n.Hidden,
		Batch: n.Batch, Steps: n.Steps, Every: n.Every, Seed: n.Seed, Stds: n.Stds, Rates: n.Rates, Decay: n.Decay,
		Machine: run.Machine, Finished: run.Finished, Notes: run.Notes, Status: run.Status, DivergedAt: run.DivergedAt,
		Test: number(run.Test), Answers: run.Answers, Cause: run.cause, StepsPerSecond: number(run.StepsPerSecond),
		Lockstep: run.Lockstep, Trained: map[string]bool{},
	}
	for _, p := range run.Points {
		h.Points = append(h.Points, [3]number{number(p.Step), number(p.Loss), number(p.Accuracy)})
	}
	arrays := []store.Array{{Name: "losses", Dims: []int{len(run.Losses)}, Data: run.Losses}}
	for _, w := range run.Weights {
		h.Trained[w.Name] = w.Trainable
		arrays = append(arrays, store.Array{Name: weightPrefix + w.Name, Dims: w.Dims, Data: w.Values})
	}
	return s.put(run.Key, "run", h, arrays)
}

func (s *Store) put(key, what string, head any, arrays []store.Array) error {
	text, err := json.Marshal(head)
	if err == nil {
		err = s.files().Put(key, text, arrays)
	}
	if err != nil {
		return fmt.Errorf("bnlib: storing %s %s: %w", what, key, err)
	}
	return nil
}

// Load returns the run stored under key, without what hooks saw. The error wraps ErrNoRun if there is none; if the file is
// damaged it says so, and the file is set aside. The run's Network has no functions, since a store cannot keep any.
func (s *Store) Load(key string) (*Run, error) {
	text, arrays, err := s.files().Get(key)
	if err != nil {
		return nil, loadError(key, err)
	}
	run, trained, err := decodeHead(key, text)
	if err != nil {
		return nil, err
	}
	for _, a := range arrays {
		values, ok := a.Data.([]float32)
		switch name, isWeight := strings.CutPrefix(a.Name, weightPrefix); {
		case !ok:
			return nil, fmt.Errorf("bnlib: run %s: array %s is %T; want []float32", key, a.Name, a.Data)
		case isWeight:
			run.Weights = append(run.Weights, Weight{Name: name, Dims: a.Dims, Trainable: trained[name], Values: values})
		default:
			run.Losses = values
		}
	}
	return run, nil
}

// loadHead is Load without Losses and Weights, which takes a small part of the time.
func (s *Store) loadHead(key string) (*Run, error) {
	text, err := s.files().Head(key)
	if err != nil {
		return nil, loadError(key, err)
	}
	run, _, err := decodeHead(key, text)
	return run, err
}

// machines returns the keys of all runs that the store has, by withoutMachine.
func (s *Store) machines() (map[string][]string, error) {
	keys, err := s.files().Keys()
	if err != nil {
		return nil, fmt.Errorf("bnlib: %w", err)
	}
	of := map[string][]string{}
	for _, key := range keys {
		if strings.Count(key, "-") == 1 { // else it is what a hook saw
			of[withoutMachine(key)] = append(of[withoutMachine(key)], key)
		}
	}
	return of, nil
}

func loadError(key string, err error) error {
	if errors.Is(err, store.ErrMissing) {
		return fmt.Errorf("bnlib: run %s: %w", key, ErrNoRun)
	}
	return fmt.Errorf("bnlib: run %s cannot be read: %w", key, err)
}

func decodeHead(key string, text []byte) (*Run, map[string]bool, error) {
	var h head
	if err := json.Unmarshal(text, &h); err != nil {
		return nil, nil, fmt.Errorf("bnlib: run %s cannot be read: %w", key, err)
	}
	run := &Run{
		Network: Network{
			Experiment: Experiment{
				Name: h.Name, InitStd: float64(h.InitStd), LearningRate: float64(h.LearningRate), Activation: h.Activation,
				Hidden: h.Hidden, Batch: h.Batch, Steps: h.Steps, Every: h.Every, Seed: h.Seed,
				Stds: h.Stds, Rates: h.Rates, Decay: h.Decay,
			},
			Norm: h.norm(),
		},
		Key: key, Machine: h.Machine, Finished: h.Finished, Notes: h.Notes, Status: h.Status, DivergedAt: h.DivergedAt,
		Test: float64(h.Test), Answers: h.Answers, cause: h.Cause, StepsPerSecond: float64(h.StepsPerSecond), Lockstep: h.Lockstep,
		Seen: map[string]*probe.History{},
	}
	for _, p := range h.Points {
		run.Points = append(run.Points, Point{Step: int(p[0]), Loss: float64(p[1]), Accuracy: float64(p[2])})
	}
	return run, h.Trained, nil
}

// norm returns the norm, with its function if it is one of the article's.
func (h head) norm() Norm {
	for _, n := range []Norm{None, Batch} {
		if n.Name == h.Norm && n.Color == h.Color {
			return n
		}
	}
	return Norm{Name: h.Norm, Color: h.Color, Dashed: h.Dashed}
}

// historyHead names the records of a history; their numbers are arrays, [looks, numbers].
type historyHead struct {
	Hook  string
	Steps []int
	Names []string
}

func (s *Store) saveHistory(key, hook string, h *probe.History) error {
	var arrays []store.Array
	for i, name := range h.Names {
		var all []float64
		for _, values := range h.Values {
			all = append(all, values[i]...)
		}
		arrays = append(arrays, store.Array{Name: name, Dims: []int{len(h.Steps), len(all) / max(1, len(h.Steps))}, Data: all})
	}
	return s.put(key, "what "+strconv.Quote(hook)+" saw", historyHead{hook, h.Steps, h.Names}, arrays)
}

func (s *Store) loadHistory(key string) (*probe.History, error) {
	text, arrays, err := s.files().Get(key)
	if err != nil {
		return nil, loadError(key, err)
	}
	var head historyHead
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, fmt.Errorf("bnlib: history %s cannot be read: %w", key, err)
	}
	h := &probe.History{Steps: head.Steps, Names: head.Names, Values: make([][][]float64, len(head.Steps))}
	byName := map[string][]float64{}
	for _, a := range arrays {
		if byName[a.Name], _ = a.Data.([]float64); len(byName[a.Name])%max(1, len(h.Steps)) != 0 {
			return nil, fmt.Errorf("bnlib: history %s: array %s has %v numbers for %d looks", key, a.Name, a.Dims, len(h.Steps))
		}
	}
	for k := range h.Steps {
		for _, name := range h.Names {
			all := byName[name]
			n := len(all) / len(h.Steps)
			h.Values[k] = append(h.Values[k], all[k*n:(k+1)*n:(k+1)*n])
		}
	}
	return h, nil
}
