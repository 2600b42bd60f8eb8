package bnlib

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
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

// ErrNotStored says that a run is done, and whole in memory, but could not be stored.
var ErrNotStored = errors.New("bnlib: what was trained is done, but could not be stored")

// StoreEnv names the environment variable that overrides the folder of [DefaultStore].
const StoreEnv = host.RunsEnv

// DefaultStore is the folder that package host names: $BATCHNORM_RUNS if set, else runs in the project's own folder.
func DefaultStore() (*Store, error) {
	dir, err := host.Runs()
	if err != nil {
		return nil, err
	}
	return &Store{Dir: dir}, nil
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
	Points         []storedPoint
	Test           number
	Answers        [data.Classes]int
	Cause          Cause
	StepsPerSecond number
	Lockstep       int
	Trained        map[string]bool // of every variable: whether it is trainable
}

// storedPoint is a step, a loss and an accuracy.
type storedPoint [3]number

func (p *storedPoint) UnmarshalJSON(text []byte) error {
	var numbers []number
	if err := json.Unmarshal(text, &numbers); err != nil {
		return err
	}
	if len(numbers) != len(p) {
		return fmt.Errorf("a point of %d numbers; want %d", len(numbers), len(p))
	}
	copy(p[:], numbers)
	return nil
}

const (
	lossesName   = "losses"
	weightPrefix = "weights/"
)

// Save stores a run that is done, less what hooks saw, replacing one of the same key. It is there whole or not at all.
func (s *Store) Save(run *Run) error {
	if run == nil {
		return errors.New("bnlib: Store.Save: run is nil; allowed: a run that is done")
	}
	if err := s.check(); err != nil {
		return err
	}
	if run.Status.Early() {
		return fmt.Errorf("bnlib: run %s is %s; allowed: a run that is done", run.Key, run.Status)
	}
	head, arrays := encodeRun(run)
	return s.put(run.Key, "run", head, arrays)
}

// encodeRun returns what a store keeps of a run.
func encodeRun(run *Run) (head, []store.Array) {
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
		h.Points = append(h.Points, storedPoint{number(p.Step), number(p.Loss), number(p.Accuracy)})
	}
	arrays := []store.Array{{Name: lossesName, Dims: []int{len(run.Losses)}, Data: run.Losses}}
	for _, w := range run.Weights {
		h.Trained[w.Name] = w.Trainable
		arrays = append(arrays, store.Array{Name: weightPrefix + w.Name, Dims: w.Dims, Data: w.Values})
	}
	return h, arrays
}

// check returns an error for a store without a folder.
func (s *Store) check() error {
	if s == nil || s.Dir == "" {
		return errors.New("bnlib: Store.Dir is empty; allowed: a folder, see DefaultStore")
	}
	return nil
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
	if err := s.check(); err != nil {
		return nil, err
	}
	text, arrays, err := s.files().Get(key)
	if err != nil {
		return nil, loadError(key, err)
	}
	run, err := decodeRun(text, arrays)
	if err != nil {
		return nil, fmt.Errorf("bnlib: run %s cannot be read: %w", key, err)
	}
	run.Key = key
	return run, nil
}

// loadHead is Load without Losses and Weights, which takes a small part of the time.
func (s *Store) loadHead(key string) (*Run, error) {
	text, err := s.files().Head(key)
	if err != nil {
		return nil, loadError(key, err)
	}
	run, _, err := decodeHead(text)
	if err != nil {
		return nil, fmt.Errorf("bnlib: run %s cannot be read: %w", key, err)
	}
	run.Key = key
	return run, nil
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

// decodeRun is the reverse of encodeRun. What a store returns is what was put, but that may be of another version of this package:
// an error says what does not fit together.
func decodeRun(text []byte, arrays []store.Array) (*Run, error) {
	run, trained, err := decodeHead(text)
	if err != nil {
		return nil, err
	}
	for _, a := range arrays {
		values, ok := a.Data.([]float32)
		name, isWeight := strings.CutPrefix(a.Name, weightPrefix)
		trainable, known := trained[name]
		switch {
		case !ok:
			return nil, fmt.Errorf("array %q is %T; want []float32", a.Name, a.Data)
		case isWeight && known:
			run.Weights = append(run.Weights, Weight{Name: name, Dims: a.Dims, Trainable: trainable, Values: values})
			delete(trained, name)
		case a.Name == lossesName && len(values) == run.Network.Steps:
			run.Losses = values
		case a.Name == lossesName:
			return nil, fmt.Errorf("it has %d losses; want %d, one for each step", len(values), run.Network.Steps)
		default:
			return nil, fmt.Errorf("array %q is none that its head names", a.Name)
		}
	}
	if run.Losses == nil && run.Network.Steps > 0 || len(trained) > 0 {
		return nil, fmt.Errorf("it has %d losses and %d weights; want %d, and %d weights more", len(run.Losses), len(run.Weights), run.Network.Steps, len(trained))
	}
	return run, nil
}

// decodeHead returns a run without its key, losses and weights, and of each weight whether it is trained.
func decodeHead(text []byte) (*Run, map[string]bool, error) {
	var h head
	if err := json.Unmarshal(text, &h); err != nil {
		return nil, nil, err
	}
	if err := h.check(); err != nil {
		return nil, nil, err
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
		Machine: h.Machine, Finished: h.Finished, Notes: h.Notes, Status: h.Status, DivergedAt: h.DivergedAt,
		Test: float64(h.Test), Answers: h.Answers, cause: h.Cause, StepsPerSecond: float64(h.StepsPerSecond), Lockstep: h.Lockstep,
		Seen: map[string]*probe.History{},
	}
	for _, p := range h.Points {
		run.Points = append(run.Points, Point{Step: int(p[0]), Loss: float64(p[1]), Accuracy: float64(p[2])})
	}
	return run, h.Trained, nil
}

// check returns an error for numbers that no run has.
func (h head) check() error {
	if h.Status != Finished && h.Status != Diverged {
		return fmt.Errorf("its status is %s; want %s or %s", h.Status, Finished, Diverged)
	}
	if h.Steps < 0 || h.DivergedAt < 0 || h.DivergedAt > h.Steps || (h.DivergedAt > 0) != (h.Status == Diverged) {
		return fmt.Errorf("it is %s at step %d of %d; want 1 to the last, or 0 where it is %s", h.Status, h.DivergedAt, h.Steps, Finished)
	}
	last := -1.0
	for i, p := range h.Points {
		step := float64(p[0])
		if step != math.Trunc(step) || step <= last || step > float64(h.Steps) {
			return fmt.Errorf("its point %d is at step %v, after %v; want rising steps from 0 to %d", i, step, last, h.Steps)
		}
		last = step
	}
	for class, n := range h.Answers {
		if n < 0 {
			return fmt.Errorf("it answers class %d %d times; want 0 or more", class, n)
		}
	}
	return nil
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
	head, arrays := encodeHistory(hook, h)
	return s.put(key, "what "+strconv.Quote(hook)+" saw", head, arrays)
}

func encodeHistory(hook string, h *probe.History) (historyHead, []store.Array) {
	var arrays []store.Array
	for i, name := range h.Names {
		var all []float64
		for _, values := range h.Values {
			all = append(all, values[i]...)
		}
		arrays = append(arrays, store.Array{Name: name, Dims: []int{len(h.Steps), len(all) / max(1, len(h.Steps))}, Data: all})
	}
	return historyHead{hook, h.Steps, h.Names}, arrays
}

func (s *Store) loadHistory(key string) (*probe.History, error) {
	text, arrays, err := s.files().Get(key)
	if err != nil {
		return nil, loadError(key, err)
	}
	h, err := decodeHistory(text, arrays)
	if err != nil {
		return nil, fmt.Errorf("bnlib: history %s cannot be read: %w", key, err)
	}
	return h, nil
}

// decodeHistory is the reverse of encodeHistory. Each record has an array of its own with numbers for every look, so that what is
// made is no larger than what was read.
func decodeHistory(text []byte, arrays []store.Array) (*probe.History, error) {
	var head historyHead
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, err
	}
	looks := len(head.Steps)
	for i, step := range head.Steps {
		if step < 0 || i > 0 && step <= head.Steps[i-1] {
			return nil, fmt.Errorf("its step %d is %d; want rising steps, 0 or above", i, step)
		}
	}
	byName := map[string][]float64{}
	for _, a := range arrays {
		values, ok := a.Data.([]float64)
		if !ok || looks == 0 || len(values) == 0 || len(values)%looks != 0 {
			return nil, fmt.Errorf("record %q is %T of %v; want []float64 of %d looks", a.Name, a.Data, a.Dims, looks)
		}
		byName[a.Name] = values
	}
	named := map[string]bool{}
	for _, name := range head.Names {
		if byName[name] == nil || named[name] {
			return nil, fmt.Errorf("its record %q is missing, or named twice", name)
		}
		named[name] = true
	}
	if len(named) != len(byName) {
		return nil, fmt.Errorf("it has %d records; want %d", len(byName), len(named))
	}
	h := &probe.History{Steps: head.Steps, Names: head.Names, Values: make([][][]float64, looks)}
	for k := range h.Steps {
		h.Values[k] = make([][]float64, len(h.Names))
		for i, name := range h.Names {
			all := byName[name]
			n := len(all) / looks
			h.Values[k][i] = all[k*n : (k+1)*n : (k+1)*n]
		}
	}
	return h, nil
}
