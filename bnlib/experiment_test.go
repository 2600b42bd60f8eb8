package bnlib

import (
	"context"
	"math"
	"os/exec"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestZeroValueIsTheArticles(t *testing.T) {
	got, want := Experiment{}.Complete(), Article[1]
	want.Name, want.Seed = "", 0
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Experiment{})); diff != "" {
		t.Errorf("Experiment{} is not the article's first (-want +got):\n%s", diff)
	}
	got = Experiment{LearningRate: 2, Activation: activation.TypeSigmoid}.Complete()
	want = Article[4]
	want.Name, want.Seed = "", 0
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Experiment{})); diff != "" {
		t.Errorf("a literal with two fields (-want +got):\n%s", diff)
	}
	edited := Article[1]
	edited.InitStd, edited.Activation = 0, activation.TypeNone
	if got := edited.Complete(); got.InitStd != 0 || got.Activation != activation.TypeNone {
		t.Errorf("zeros set in an experiment of the article were replaced: %+v", got)
	}
}

func TestArticle(t *testing.T) {
	for number, want := range map[int]Experiment{
		2: {InitStd: .05, LearningRate: .01, Activation: activation.TypeSigmoid},
		7: {InitStd: 10, LearningRate: 2, Activation: activation.TypeRelu},
	} {
		e := Article[number]
		if e.InitStd != want.InitStd || e.LearningRate != want.LearningRate || e.Activation != want.Activation {
			t.Errorf("experiment %d is %+v", number, e)
		}
	}
	for number, e := range Article {
		if err := e.Validate(0); err != nil {
			t.Errorf("experiment %d: %v", number, err)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(*Experiment)
		want []string // in the message
	}{
		{"negative std", func(e *Experiment) { e.InitStd = -1 }, []string{"InitStd is -1", "0 or above"}},
		{"infinite std", func(e *Experiment) { e.InitStd = math.Inf(1) }, []string{"InitStd is +Inf"}},
		{"NaN rate", func(e *Experiment) { e.LearningRate = math.NaN() }, []string{"LearningRate is NaN", "0 or above"}},
		{"rate beyond float32", func(e *Experiment) { e.LearningRate = 1e39 }, []string{"LearningRate is 1e+39"}},
		{"batch 0", func(e *Experiment) { e.Batch = 0 }, []string{"Batch is 0", "1 to 55000"}},
		{"batch above the training set", func(e *Experiment) { e.Batch = 55001 }, []string{"Batch is 55001", "1 to 55000"}},
		{"Every 0", func(e *Experiment) { e.Every = 0 }, []string{"Every is 0", "1 to"}},
		{"Steps below 0", func(e *Experiment) { e.Steps = -5 }, []string{"Steps is -5"}},
		{"empty Hidden", func(e *Experiment) { e.Hidden = []int{} }, []string{"Hidden is []", "at least one layer"}},
		{"no units", func(e *Experiment) { e.Hidden = []int{128, 0} }, []string{"Hidden[1] is 0", "1 to"}},
		{"unknown activation", func(e *Experiment) { e.Activation = 99 }, []string{"Activation is 99", "Sigmoid", "Relu"}},
		{"two at once", func(e *Experiment) { e.Batch, e.Every = 0, 0 }, []string{"Batch is 0", "Every is 0"}},
	} {
		e := Article[1]
		c.edit(&e)
		_, err := Compare(context.Background(), e, &Options{Backend: nil, Store: &Store{Dir: "unused"}})
		if err == nil {
			t.Errorf("%s: no error", c.name)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %q does not say %q", c.name, err, want)
			}
		}
	}
	if _, err := Train(context.Background(), nil, nil); err == nil {
		t.Error("no networks: no error")
	}
}

// TestImportsGoOneWay holds the direction of imports: data ← bnlib ← chart ← show ← notebooks, backend beside data, plot beside
// bnlib.
func TestImportsGoOneWay(t *testing.T) {
	forbidden := map[string][]string{
		"batchnorm/data":          {"batchnorm/bnlib", "github.com/gomlx", "github.com/janpfeifer/gonb"},
		"batchnorm/bnlib/backend": {"batchnorm/data", "batchnorm/bnlib", "batchnorm/bnlib/chart", "batchnorm/bnlib/show", "github.com/janpfeifer/gonb"},
		"batchnorm/bnlib":         {"batchnorm/bnlib/chart", "batchnorm/bnlib/show", "batchnorm/bnlib/plot", "github.com/janpfeifer/gonb", "gonum.org/v1/plot"},
		"batchnorm/bnlib/plot":    {"batchnorm/data", "batchnorm/bnlib", "batchnorm/bnlib/chart", "batchnorm/bnlib/show", "github.com/gomlx", "github.com/janpfeifer/gonb"},
		"batchnorm/bnlib/host":    {"batchnorm/data", "batchnorm/bnlib", "batchnorm/bnlib/backend", "github.com/gomlx"},
		"batchnorm/bnlib/chart":   {"batchnorm/bnlib/show", "github.com/janpfeifer/gonb"},
		"batchnorm/bnlib/show":    {"batchnorm/notebooks"},
	}
	for pkg, banned := range forbidden {
		out, err := exec.Command("go", "list", "-deps", pkg).Output()
		if err != nil {
			t.Fatalf("go list -deps %s: %v", pkg, err)
		}
		for _, dep := range strings.Fields(string(out)) {
			for _, b := range banned {
				if dep == b && dep != pkg || strings.HasPrefix(dep, b+"/") && !strings.HasPrefix(b, "batchnorm/") {
					t.Errorf("%s imports %s", pkg, dep)
				}
			}
		}
	}
}
