package bnlib

import (
	"fmt"
	"maps"
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

// TestImportsGoOneWay holds the layers of the house: a package imports none of those that its line does not allow. A name
// stands for the package and all in it that has no line of its own.
func TestImportsGoOneWay(t *testing.T) {
	const gomlx, gonb = "github.com/gomlx", "github.com/janpfeifer/gonb"
	libraries := []string{gomlx, gonb, "gonum.org", "golang.org/x/image"}
	engineNeeds := []string{"data", "bnlib/probe", gomlx}
	faceNeeds := append([]string{"bnlib/internal/engine", "bnlib/internal/store", "bnlib/backend", "bnlib/host"}, engineNeeds...)
	chartNeeds := append([]string{"bnlib", "bnlib/claims", "bnlib/check", "bnlib/fit", "bnlib/plot", "gonum.org", "golang.org/x/image"}, faceNeeds...)
	showNeeds := append([]string{"bnlib/chart", "bnlib/norms", gonb}, chartNeeds...)
	allowed := map[string][]string{
		"data":                  {},
		"bnlib/host":            {},
		"bnlib/internal/store":  {},
		"bnlib/backend":         {"bnlib/host", "bnlib/internal/store", gomlx},
		"bnlib/probe":           {"data", gomlx},
		"bnlib/internal/engine": engineNeeds,
		"bnlib/internal/plain":  append([]string{"bnlib/internal/engine"}, engineNeeds...),
		"bnlib":                 append([]string{"gonum.org"}, faceNeeds...),
		"bnlib/norms":           append([]string{"bnlib"}, faceNeeds...),
		"bnlib/parallel":        append([]string{"bnlib"}, faceNeeds...),
		"bnlib/claims":          append([]string{"bnlib"}, faceNeeds...),
		"bnlib/check":           append([]string{"bnlib"}, faceNeeds...),
		"bnlib/fit":             {"gonum.org"},
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
