package check

import (
	"context"
	"fmt"
	"os"
	"strings"

	"batchnorm/bnlib"
	"batchnorm/bnlib/internal/engine"

	"github.com/gomlx/gomlx/ml/layers/activation"
)

// sevens are changes to experiment 7 with batch normalization, each alone.
var sevens = []struct {
	letter, name string
	change       func(e *bnlib.Experiment)
}{
	{"A", "the last layer frozen", func(e *bnlib.Experiment) { e.Rates = bnlib.Frozen("logits") }},
	{"B", "hidden_3's betas frozen", func(e *bnlib.Experiment) { e.Rates = bnlib.Frozen("hidden_3/batch_norm/beta") }},
	{"C", "the betas of hidden_1 and hidden_2 frozen", func(e *bnlib.Experiment) {
		e.Rates = bnlib.Frozen("hidden_1/batch_norm/beta", "hidden_2/batch_norm/beta")
	}},
	{"D", "all hidden weights frozen", func(e *bnlib.Experiment) { e.Rates = bnlib.Frozen("hidden_*/dense") }},
	{"E", "leaky ReLU instead of ReLU", func(e *bnlib.Experiment) { e.Activation = activation.TypeLeakyRelu }},
	{"F", "a rate that rises from 0 over the first 500 steps", func(e *bnlib.Experiment) {
		e.Schedule = func(step int) float64 { return min(1, float64(step)/500) }
	}},
}

// A network is saved if after so many steps it is right more often than saved, with every seed, and lost if less often than lost.
const (
	sevenSteps   = 1000
	saved        = 0.6
	lost         = 0.4
	sevenSeeds   = 3
	sevenLetters = "ABCDEF"
)

// Experiment7 checks which of six changes, each alone, save experiment 7 with batch normalization: the answer is their letters. All six
// are trained for 1000 steps, with three seeds each.
func Experiment7(answer func() (letters string)) Verdict {
	const exercise = "explain experiment 7"
	if answer == nil {
		return missing(exercise)
	}
	var letters string
	if err := engine.TryCatch(func() error { letters = answer(); return nil }); err != nil {
		return failed(exercise, err)
	}
	letters = strings.ToUpper(strings.TrimSpace(letters))
	strange := func(r rune) bool { return !strings.ContainsRune(sevenLetters+", ", r) }
	switch {
	case letters == "":
		return verdict(exercise, part{name: "letters", says: "none; wanted: those of the changes that save it"})
	case strings.ContainsFunc(letters, strange):
		return verdict(exercise, part{name: "letters", state: Wrong, says: fmt.Sprintf("%q; wanted: letters of %s", letters, sevenLetters)})
	case os.Getenv(bnlib.QuickEnv) != "":
		return unchecked(exercise, fmt.Errorf("%s is set, and %d steps are wanted", bnlib.QuickEnv, sevenSteps))
	}
	outcomes, err := sevenOutcomes()
	if err != nil {
		return unchecked(exercise, err)
	}
	var rights, missed, extra int
	for i, s := range sevens {
		said := strings.Contains(letters, s.letter)
		is := outcomes[i].Min > saved
		if !is && outcomes[i].Max >= lost {
			return unchecked(exercise, fmt.Errorf("with %s it is a matter of luck on this machine: validation accuracy %s", s.name, outcomes[i]))
		}
		switch {
		case said == is:
			rights++
		case is:
			missed++
		default:
			extra++
		}
	}
	if rights < len(sevens) {
		hint := "What is it that dies, and what would keep it from dying?"
		switch {
		case strings.Contains(letters, "A"):
			hint = "A frozen last layer is still as large as before: does it hand back a smaller gradient?"
		case strings.Contains(letters, "D"):
			hint = "Do hidden weights of another size change what batch normalization puts out?"
		case strings.Contains(letters, "C"):
			hint = "Which layer is next to the one that is not normalized?"
		case strings.Contains(letters, "F"):
			hint = "Slow at first, and then?"
		}
		says := fmt.Sprintf("%d of %d changes are judged right; letters that do not save it: %d; letters that do and are missing: %d", rights, len(sevens), extra, missed)
		return verdict(exercise, part{"letters " + letters, Wrong, says, hint})
	}
	v := verdict(exercise, part{name: "letters " + letters, state: Right, says: fmt.Sprintf("all %d changes are judged right", len(sevens))})
	for i, s := range sevens {
		v = v.and("%s, %s: validation accuracy %s after %d steps", s.letter, s.name, outcomes[i], sevenSteps)
	}
	return v
}

// sevenOutcomes trains them all, or finds them in the store.
func sevenOutcomes() ([]bnlib.Spread, error) {
	changed := make([]bnlib.Experiment, len(sevens))
	for i, s := range sevens {
		changed[i] = bnlib.Article(7)
		changed[i].Name, changed[i].Steps, changed[i].Every = s.name, sevenSteps, sevenSteps
		s.change(&changed[i])
	}
	grid := bnlib.Grid{Axes: []bnlib.Axis{bnlib.Choice(changed...)}, Norms: []bnlib.Norm{bnlib.Batch}, Seeds: sevenSeeds}
	results, err := grid.Train(context.Background(), nil)
	if err != nil {
		return nil, err
	}
	outcomes := make([]bnlib.Spread, len(sevens))
	for i := range sevens {
		outcomes[i] = results.Sample(0, i).Validation()
	}
	return outcomes, nil
}
