package bnlib

import (
	"context"
	"fmt"
	"maps"
	"math"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"batchnorm/bnlib/internal/engine"

	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestArticleIsTheReaders edits an experiment of the article's: nobody else's changes.
func TestArticleIsTheReaders(t *testing.T) {
	want := Article(1)
	e, again, all := Article(1), Article(1), ArticleAll()
	e.Hidden[0], e.InitStd = 64, 3
	all[0].Hidden[1] = 32
	for name, got := range map[string]Experiment{"before": again, "after": Article(1), "of all, after": ArticleAll()[0]} {
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("an experiment that was made %s is edited, too (-want +got):\n%s", name, diff)
		}
	}
	if e.Hidden[0] != 64 || all[1].Hidden[1] != 128 {
		t.Errorf("edited: %v; another of the list: %v", e.Hidden, all[1].Hidden)
	}
	for _, number := range []int{0, 9, -1} {
		err := engine.TryCatch(func() error { Article(number); return nil })
		if want := fmt.Sprintf("Article(%d); allowed: 1 to 8", number); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func TestArticle(t *testing.T) {
	for number, want := range map[int]Experiment{
		2: {InitStd: .05, LearningRate: .01, Activation: activation.TypeSigmoid},
		7: {InitStd: 10, LearningRate: 2, Activation: activation.TypeRelu},
	} {
		e := Article(number)
		if e.InitStd != want.InitStd || e.LearningRate != want.LearningRate || e.Activation != want.Activation {
			t.Errorf("experiment %d is %+v", number, e)
		}
	}
	for i, e := range ArticleAll() {
		if err := e.Validate(0); err != nil || e.Name != fmt.Sprintf("Experiment %d", i+1) {
			t.Errorf("experiment %d: %q, %v", i+1, e.Name, err)
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
		{"negative std of a variable", func(e *Experiment) { e.Stds = ByVariable{"hidden_1": -2} }, []string{`Stds["hidden_1"] is -2`, "0 or above"}},
		{"NaN rate of a variable", func(e *Experiment) { e.Rates = ByVariable{"hidden_*": math.NaN()} }, []string{`Rates["hidden_*"] is NaN`, "0 or above"}},
		{"infinite decay", func(e *Experiment) { e.Decay = ByVariable{"logits": math.Inf(1)} }, []string{`Decay["logits"] is +Inf`, "0 or above"}},
		{"a schedule that is no number", func(e *Experiment) { e.Schedule = func(step int) float64 { return math.Sqrt(float64(99 - step)) } },
			[]string{"Schedule(100) is NaN", "0 or above", "0 to 49999"}},
		{"a negative schedule", func(e *Experiment) { e.Schedule = func(step int) float64 { return 1 - float64(step) } }, []string{"Schedule(2) is -1"}},
		{"a schedule that panics", func(e *Experiment) { e.Schedule = func(step int) float64 { return []float64{1}[step] } },
			[]string{"Schedule(1) is a panic", "index out of range"}},
		{"two at once", func(e *Experiment) { e.Batch, e.Every = 0, 0 }, []string{"Batch is 0", "Every is 0"}},
	} {
		e := Article(1)
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

// TestImportsGoOneWay holds the layers of the house: a package imports none of those that its line does not allow. A name
// stands for the package and all in it that has no line of its own.
func TestImportsGoOneWay(t *testing.T) {
	const gomlx, gonb = "github.com/gomlx", "github.com/janpfeifer/gonb"
	libraries := []string{gomlx, gonb, "gonum.org", "golang.org/x/image"}
	engineNeeds := []string{"data", "bnlib/probe", gomlx}
	faceNeeds := append([]string{"bnlib/internal/engine", "bnlib/internal/store", "bnlib/backend", "bnlib/host"}, engineNeeds...)
	chartNeeds := append([]string{"bnlib", "bnlib/claims", "bnlib/check", "bnlib/plot", "gonum.org", "golang.org/x/image"}, faceNeeds...)
	showNeeds := append([]string{"bnlib/chart", gonb}, chartNeeds...)
	allowed := map[string][]string{
		"data":                  {},
		"bnlib/host":            {},
		"bnlib/internal/store":  {},
		"bnlib/backend":         {"bnlib/host", "bnlib/internal/store", gomlx},
		"bnlib/probe":           {"data", gomlx},
		"bnlib/internal/engine": engineNeeds,
		"bnlib/internal/plain":  append([]string{"bnlib/internal/engine"}, engineNeeds...),
		"bnlib":                 faceNeeds,
		"bnlib/claims":          append([]string{"bnlib"}, faceNeeds...),
		"bnlib/check":           append([]string{"bnlib"}, faceNeeds...),
		"bnlib/plot":            {"gonum.org", "golang.org/x/image"},
		"bnlib/chart":           chartNeeds,
		"bnlib/show":            showNeeds,
		"notebooks":             append([]string{"bnlib/show", "bnlib/upkeep"}, showNeeds...),
		"bnlib/compare":         append([]string{"bnlib"}, faceNeeds...),
		"bnlib/upkeep":          {"bnlib/internal/store"},
		"bnlib/sweep":           append([]string{"bnlib/chart"}, chartNeeds...),
		"docker":                {},
	}
	const module = "batchnorm/"
	// layer returns the line that a package belongs to: the longest name that it begins with.
	layer := func(pkg string, names []string) string {
		longest := ""
		for _, name := range names {
			if (pkg == name || strings.HasPrefix(pkg, name+"/")) && len(name) > len(longest) {
				longest = name
			}
		}
		return longest
	}
	layers := slices.Collect(maps.Keys(allowed))
	out, err := exec.Command("go", "list", "-e", "-f", "{{.ImportPath}} {{join .Imports \" \"}}", module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	found := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		pkg := strings.TrimPrefix(fields[0], module)
		of := layer(pkg, layers)
		if of == "" {
			t.Errorf("%s is in no layer", pkg)
			continue
		}
		found[of] = true
		for _, dep := range fields[1:] {
			dep, ours := strings.CutPrefix(dep, module)
			to := layer(dep, libraries)
			if ours {
				to = layer(dep, layers)
			}
			if to != of && (ours || to != "") && !slices.Contains(allowed[of], to) {
				t.Errorf("%s imports %s", pkg, dep)
			}
		}
	}
	if !found["data"] || !found["notebooks"] {
		t.Errorf("go list found packages of these layers only: %v", found)
	}
}
