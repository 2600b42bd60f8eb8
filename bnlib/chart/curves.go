package chart

import (
	"fmt"
	"math"
	"strings"

	"batchnorm/bnlib"
)

const (
	accuracyLabel = "validation accuracy (share of validation images)"
	errorLabel    = "validation error (share of validation images, log scale)"
	lossLabel     = "cross-entropy (nats, log scale)"
	stepLabel     = "training step"

	notEvaluated = "not evaluated yet"
)

// Accuracy draws validation accuracy against training step.
func Accuracy(runs ...*bnlib.Run) *Figure {
	return &Figure{
		Title:    headline("validation accuracy", accuracyOf, runs),
		Subtitle: conditions(runs),
		Panels:   []Panel{accuracyPanel(runs, true)},
	}
}

// Error draws 1 - validation accuracy on a log axis, where networks that are almost always right can be told apart.
func Error(runs ...*bnlib.Run) *Figure {
	p := Panel{X: stepAxis(runs), Y: Axis{Label: errorLabel, Log: true}, Empty: notEvaluated}
	p.add(runs, func(e bnlib.Point) float64 { return 1 - e.Accuracy }, true)
	return &Figure{
		Title:    headline("validation error", func(e bnlib.Point) string { return percent(1 - e.Accuracy) }, runs),
		Subtitle: conditions(runs),
		Panels:   []Panel{p},
	}
}

// Loss draws the cross-entropy on the validation images on a log axis and, thin and pale in the same colour, that of the
// training minibatches: each point is the mean over the steps since the last evaluation, of which there are
// Experiment.Every.
func Loss(runs ...*bnlib.Run) *Figure {
	return &Figure{
		Title:    headline("validation loss", lossOf, runs),
		Subtitle: conditions(runs),
		Panels:   []Panel{lossPanel(runs)},
	}
}

// CloseUp draws validation accuracy over the first steps of training.
func CloseUp(steps int, runs ...*bnlib.Run) *Figure {
	first := make([]*bnlib.Run, len(runs))
	for i, run := range runs {
		short := *run
		short.Points = nil
		for _, e := range run.Points {
			if e.Step <= steps {
				short.Points = append(short.Points, e)
			}
		}
		if short.DivergedAt > steps {
			short.DivergedAt = 0
		}
		if short.Network.Steps == 0 || short.Network.Steps > steps {
			short.Network.Steps = steps
		}
		first[i] = &short
	}
	return Accuracy(first...)
}

// Training draws accuracy and loss side by side: what one watches while networks train, and keeps when they have. Runs
// that have just begun, without any evaluation, are drawn too.
func Training(runs ...*bnlib.Run) *Figure {
	return &Figure{
		Title:    headline("validation accuracy", accuracyOf, runs),
		Subtitle: conditions(runs),
		Panels:   []Panel{accuracyPanel(runs, false), lossPanel(runs)},
	}
}

// accuracyPanel says beside each × what the accuracies of a diverged network mean, if there is room to.
func accuracyPanel(runs []*bnlib.Run, room bool) Panel {
	p := Panel{X: stepAxis(runs), Y: Axis{Label: accuracyLabel, Min: 0, Max: 1}, Empty: notEvaluated}
	p.add(runs, func(e bnlib.Point) float64 { return e.Accuracy }, room)
	return p
}

func lossPanel(runs []*bnlib.Run) Panel {
	p := Panel{X: stepAxis(runs), Y: Axis{Label: lossLabel, Log: true}, Empty: notEvaluated}
	for i, look := range appearances(runs) {
		x, y := smooth(runs[i].Losses, every(runs[i]))
		if len(x) > 0 {
			note := fmt.Sprintf("training (mean of %d steps)", every(runs[i]))
			p.Series = append(p.Series, Series{Name: look.name, Style: look.style, Faint: true, Note: note, X: x, Y: y})
			p.Y.Label = fmt.Sprintf("cross-entropy (nats, log scale); thin: training, mean of %d steps", every(runs[i]))
		}
	}
	p.add(runs, func(e bnlib.Point) float64 { return e.Loss }, false)
	return p
}

// add draws value(evaluation) against step for each run, broken where the loss is not finite, and marks those places.
func (p *Panel) add(runs []*bnlib.Run, value func(bnlib.Point) float64, room bool) {
	for i, look := range appearances(runs) {
		run := runs[i]
		s := Series{Name: look.name, Style: look.style}
		for _, e := range run.Points {
			y := value(e)
			if !finite(e.Loss) {
				y = math.NaN()
			}
			s.X, s.Y = append(s.X, float64(e.Step)), append(s.Y, y)
		}
		p.Series = append(p.Series, s)
		p.Marks = append(p.Marks, divergences(run, s, room)...)
	}
}

// divergences returns a mark for each place where the curve s of a run breaks: at the step whose training loss was the
// first not to be finite, if the break holds it, else at the first evaluation within the break; at the height of the last
// point before it. A training loss that was not finite although the evaluations around it were is marked on the curve.
func divergences(run *bnlib.Run, s Series, room bool) []Mark {
	var marks []Mark
	at, marked := float64(run.DivergedAt), run.DivergedAt == 0
	for i := 0; i < len(s.Y); i++ {
		if finite(s.Y[i]) {
			continue
		}
		end := i
		for end < len(s.Y) && !finite(s.Y[end]) {
			end++
		}
		m := Mark{X: s.X[i], Y: math.NaN(), Color: s.Style.Color}
		if i > 0 {
			m.Y = s.Y[i-1]
		} else if end < len(s.Y) {
			m.Y = s.Y[end]
		}
		if !marked && (i == 0 || at > s.X[i-1]) && at <= s.X[end-1] {
			m.X, marked = at, true
		}
		if end == len(s.Y) {
			m.Text = fmt.Sprintf("diverged at step %.0f", m.X)
			share := run.Points[end-1].Accuracy
			m.Detail = fmt.Sprintf("%s: %s. From there its logits are not numbers, every image counts as class 0, and the accuracy %s is the share of that class.", s.Name, m.Text, bnlib.FormatAccuracy(share))
			if room {
				m.Text += fmt.Sprintf("; from there %s, the share of class 0", bnlib.FormatAccuracy(share))
			}
		} else {
			m.Text = fmt.Sprintf("loss not finite at step %.0f", m.X)
			m.Detail = s.Name + ": " + m.Text
		}
		marks = append(marks, m)
		i = end
	}
	if !marked && len(s.X) > 0 {
		m := Mark{X: at, Y: s.Y[len(s.Y)-1], Color: s.Style.Color}
		for i := 1; i < len(s.X); i++ {
			if s.X[i-1] <= at && at <= s.X[i] {
				m.Y = s.Y[i-1]
			}
		}
		m.Text = fmt.Sprintf("training loss not finite at step %d", run.DivergedAt)
		m.Detail = s.Name + ": " + m.Text
		marks = append(marks, m)
	}
	return marks
}

// smooth returns the means of the training losses over each `every` steps, at the last of those steps. The steps at the
// end that do not fill a mean yet get one of their own.
func smooth(losses []float32, every int) (x, y []float64) {
	for start := 0; start < len(losses); start += every {
		end := min(start+every, len(losses))
		sum := 0.0
		for _, l := range losses[start:end] {
			sum += float64(l)
		}
		x, y = append(x, float64(end)), append(y, sum/float64(end-start))
	}
	return x, y
}

func every(run *bnlib.Run) int {
	if run.Network.Every > 0 {
		return run.Network.Every
	}
	return 500
}

// stepAxis reaches as far as training will, so that a chart drawn while networks train shows how far they have come.
func stepAxis(runs []*bnlib.Run) Axis {
	last := 0
	for _, run := range runs {
		last = max(last, run.Network.Steps, run.Last().Step)
	}
	return Axis{Label: stepLabel, Max: float64(last)}
}

type appearance struct {
	name  string
	style Style
}

// appearances names and styles each run: "with batch norm" and "without batch norm" in their two styles within one
// experiment; by the name of its experiment where there are several, or where a reader wrote the model.
func appearances(runs []*bnlib.Run) []appearance {
	looks := make([]appearance, len(runs))
	one := len(runs) > 0 && oneExperiment(runs)
	used := map[string]int{}
	taken := map[bool]bool{}
	variant := 0
	for i, run := range runs {
		n := run.Network
		name := n.Name
		switch {
		case n.Model != nil && name == "":
			name = "custom model"
		case n.Model != nil:
		case one || name == "":
			name = label(run)
		case paired(runs, name):
			name += ", " + label(run)
		}
		used[name]++
		if used[name] > 1 {
			name = fmt.Sprintf("%s (%d)", name, used[name])
		}
		looks[i].name = name
		if n.Model == nil && !taken[n.BatchNorm] {
			taken[n.BatchNorm] = true
			looks[i].style = WithoutBatchNorm
			if n.BatchNorm {
				looks[i].style = WithBatchNorm
			}
			continue
		}
		looks[i].style = Variant(variant)
		variant++
	}
	return looks
}

func label(run *bnlib.Run) string {
	if run.Network.BatchNorm {
		return "with batch norm"
	}
	return "without batch norm"
}

// oneExperiment reports whether all runs have the name of the first, and none a model of its own.
func oneExperiment(runs []*bnlib.Run) bool {
	for _, run := range runs {
		if run.Network.Name != runs[0].Network.Name || run.Network.Model != nil {
			return false
		}
	}
	return true
}

// paired reports whether runs of that name differ in batch normalization.
func paired(runs []*bnlib.Run, name string) bool {
	var with, without bool
	for _, run := range runs {
		if run.Network.Name == name {
			with, without = with || run.Network.BatchNorm, without || !run.Network.BatchNorm
		}
	}
	return with && without
}

// headline says how the runs ended, with batch normalization first: "Experiment 1, validation accuracy after 50000 steps:
// with batch norm .9803, without .9751".
func headline(what string, value func(bnlib.Point) string, runs []*bnlib.Run) string {
	looks := appearances(runs)
	if len(runs) > 0 && oneExperiment(runs) && runs[0].Network.Name != "" {
		what = runs[0].Network.Name + ", " + what
	} else {
		what = strings.ToUpper(what[:1]) + what[1:]
	}
	last, steps, evaluated := 0, 0, false
	for _, run := range runs {
		evaluated = evaluated || len(run.Points) > 0
		last, steps = max(last, run.Last().Step), max(steps, run.Network.Steps)
	}
	switch {
	case !evaluated:
		return what + ": " + notEvaluated
	case last == 0:
		what += " before training"
	case last < steps:
		what += fmt.Sprintf(" after %d of %d steps", last, steps)
	default:
		what += fmt.Sprintf(" after %d steps", last)
	}
	var with, others []string
	for i, run := range runs {
		name := looks[i].name
		if name == "without batch norm" && len(runs) > 1 {
			name = "without"
			if divergedAt(run) > 0 {
				name = "without it"
			}
		}
		item := name + " " + outcome(run, value)
		if end := run.Last().Step; len(run.Points) > 0 && end < last {
			item += fmt.Sprintf(" (step %d)", end)
		}
		if looks[i].name == "with batch norm" {
			with = append(with, item)
		} else {
			others = append(others, item)
		}
	}
	items := firstFew(append(with, others...))
	separator := ", "
	if strings.Contains(strings.Join(items, ""), separator) {
		separator = "; " // a name has a comma of its own
	}
	return what + ": " + strings.Join(items, separator)
}

// firstFew keeps the first four things that a title lists, and says how many more there are.
func firstFew(items []string) []string {
	const most = 4
	if len(items) > most {
		items = append(items[:most], fmt.Sprintf("and %d more", len(items)-most))
	}
	return items
}

func outcome(run *bnlib.Run, value func(bnlib.Point) string) string {
	switch e := run.Last(); {
	case len(run.Points) == 0:
		return notEvaluated
	case !finite(e.Loss):
		return fmt.Sprintf("diverged at step %d", divergedAt(run))
	default:
		return value(e)
	}
}

// divergedAt returns the first step known to have a loss that is not finite; 0: none.
func divergedAt(run *bnlib.Run) int {
	if run.DivergedAt > 0 {
		return run.DivergedAt
	}
	for _, e := range run.Points {
		if !finite(e.Loss) {
			return e.Step
		}
	}
	return 0
}

// conditions lists the settings that all runs share and that are known.
func conditions(runs []*bnlib.Run) string {
	var out []string
	common := func(format string, of func(n bnlib.Network) any) {
		if len(runs) == 0 {
			return
		}
		first := of(runs[0].Network)
		for _, run := range runs {
			if of(run.Network) != first {
				return
			}
		}
		switch first {
		case 0, 0.0, uint64(0), "none":
		default:
			out = append(out, fmt.Sprintf(format, first))
		}
	}
	common("weights normal(0, %v)", func(n bnlib.Network) any { return n.InitStd })
	common("learning rate %v", func(n bnlib.Network) any { return n.LearningRate })
	common("%v", func(n bnlib.Network) any { return activationName(n.Experiment) })
	common("minibatches of %v", func(n bnlib.Network) any { return n.Batch })
	common("seed %v", func(n bnlib.Network) any { return n.Seed })
	return strings.Join(out, " · ")
}

func activationName(e bnlib.Experiment) string {
	if name := strings.ToLower(e.Activation.String()); name != "relu" {
		return name
	}
	return "ReLU"
}

func accuracyOf(e bnlib.Point) string { return bnlib.FormatAccuracy(e.Accuracy) }

func lossOf(e bnlib.Point) string { return fmt.Sprintf("%.3g", e.Loss) }

func percent(share float64) string { return fmt.Sprintf("%.2f%%", 100*share) }
