package chart

import (
	"fmt"
	"math"

	"batchnorm/bnlib"
	"batchnorm/bnlib/plot"
)

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

// divergences returns a mark for each place where the curve s of a run breaks: at the step whose training loss was the
// first not to be finite, if the break holds it, else at the first evaluation within the break; at the height of the last
// point before it. A training loss that was not finite although the evaluations around it were is marked on the curve.
func divergences(run *bnlib.Run, s plot.Series, room bool) []plot.Mark {
	var marks []plot.Mark
	at, marked := float64(run.DivergedAt), run.DivergedAt == 0
	for i := 0; i < len(s.Y); i++ {
		if finite(s.Y[i]) {
			continue
		}
		end := i
		for end < len(s.Y) && !finite(s.Y[end]) {
			end++
		}
		m := plot.Mark{X: s.X[i], Y: math.NaN(), Color: s.Style.Color}
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
		m := plot.Mark{X: at, Y: s.Y[len(s.Y)-1], Color: s.Style.Color}
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

// ends marks where a curve of values taken at snapshots ends although the training went on, because nothing is finite any more.
func ends(run *bnlib.Run, s plot.Series) []plot.Mark {
	i := len(s.Y)
	for i > 0 && !finite(s.Y[i-1]) {
		i--
	}
	if i == len(s.Y) || divergedAt(run) == 0 {
		return nil
	}
	m := plot.Mark{X: s.X[i], Y: math.NaN(), Color: s.Style.Color}
	if i > 0 {
		m.Y = s.Y[i-1]
	}
	at := divergedAt(run)
	if x := float64(at); x < m.X && (i == 0 || x >= s.X[i-1]) {
		m.X = x
	}
	m.Text = fmt.Sprintf("diverged at step %d", at)
	m.Detail = s.Name + ": " + m.Text
	return []plot.Mark{m}
}

// finite reports whether x is a number.
func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
