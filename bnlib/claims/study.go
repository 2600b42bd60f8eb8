package claims

import (
	"fmt"
	"maps"
	"slices"

	"batchnorm/bnlib"
)

// Study is the runs that claims are judged by.
type Study struct {
	Article map[int]bnlib.Replicates // experiments of the article by their number
	Others  []bnlib.Replicates       // experiments of the function Others, in any order
}

// Covers reports whether the study holds all that the claim is judged by.
func (s Study) Covers(c Claim) bool {
	return !slices.ContainsFunc(c.needs(), func(of source) bool {
		_, ok := s.find(of)
		return !ok
	})
}

// Others are the experiments that claims need beside the article's eight: the close-ups of experiments 1 and 4, and, for what the
// scale of weights does, experiments 1 and 2 with hidden weights 200 times as large.
func Others() []bnlib.Experiment {
	var sources []source
	for _, c := range Claims {
		for _, of := range c.needs() {
			if of.kind != whole && !slices.Contains(sources, of) {
				sources = append(sources, of)
			}
		}
	}
	slices.SortFunc(sources, func(a, b source) int { return 10*int(a.kind-b.kind) + a.number - b.number })
	var experiments []bnlib.Experiment
	for _, of := range sources {
		experiments = append(experiments, of.experiment())
	}
	return experiments
}

// source is an experiment that a claim needs runs of.
type source struct {
	number int // in the article
	kind   kind
}

type kind int

const (
	whole   kind = iota // as it is
	closeUp             // its first 3000 steps, evaluated every 50, as in the article's figures
	scaled              // a step of it, with larger weights in the hidden layers; the last layer's are as they were
)

// larger is how many times as large weights are in experiments 5 to 8 as in 1 to 4.
const larger = 200

func (s source) experiment() bnlib.Experiment {
	e := bnlib.Article(s.number)
	switch s.kind {
	case closeUp:
		e.Name += ", close-up"
		e.Steps, e.Every = 3000, 50
	case scaled:
		e.Name += fmt.Sprintf(", hidden weights × %d", larger)
		e.Stds = bnlib.ByVariable{"hidden_*/dense": larger * e.InitStd}
		e.Steps, e.Every = 1, 1
	}
	return e
}

func (s source) String() string {
	switch s.kind {
	case closeUp:
		return fmt.Sprintf("close-up of experiment %d", s.number)
	case scaled:
		return fmt.Sprintf("experiment %d with larger hidden weights", s.number)
	}
	return fmt.Sprintf("experiment %d", s.number)
}

func (s Study) find(of source) (bnlib.Replicates, bool) {
	if of.kind == whole {
		r, ok := s.Article[of.number]
		return r, ok
	}
	want := of.experiment()
	i := slices.IndexFunc(s.Others, func(r bnlib.Replicates) bool { return alikeBut(r.Experiment, want) })
	if i < 0 {
		return bnlib.Replicates{}, false
	}
	return s.Others[i], true
}

// alikeBut reports whether two experiments differ in nothing but their names and seeds, as far as the experiments here differ.
func alikeBut(a, b bnlib.Experiment) bool {
	return a.InitStd == b.InitStd && a.LearningRate == b.LearningRate && a.Activation == b.Activation && a.Steps == b.Steps && a.Every == b.Every &&
		slices.Equal(a.Hidden, b.Hidden) && a.Batch == b.Batch && maps.Equal(a.Stds, b.Stds) && maps.Equal(a.Rates, b.Rates)
}

// needs returns what the claim is judged by.
func (c Claim) needs() []source {
	var all []source
	for _, p := range c.parts {
		for _, of := range p.needs {
			if !slices.Contains(all, of) {
				all = append(all, of)
			}
		}
	}
	return all
}
