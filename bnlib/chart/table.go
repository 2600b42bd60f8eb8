package chart

import (
	"fmt"
	"html"
	"strings"
	"unicode/utf8"

	"batchnorm/bnlib"
)

// Table is a table of words and numbers: the first column is set flush left, the others flush right unless Words is set.
type Table struct {
	Header  []string
	Rows    [][]string // each as long as Header; what is missing is empty
	Caption string     // may be empty
	Words   bool       // every column holds words, and is set flush left
}

// Results tells how each run ended: accuracies on the test and validation images, the first evaluation at 90% or above
// with the training time until then, training steps per second, and the status. What is not known is a dash.
func Results(runs ...*bnlib.Run) *Table {
	t := &Table{Header: []string{"network", "test accuracy", "validation accuracy", "90% at step", "steps per second", "status"}}
	notes := []string{}
	if c := conditions(runs); c != "" {
		notes = append(notes, c)
	}
	diverged, lockstep := false, 0
	for i, look := range appearances(runs) {
		run := runs[i]
		test, validation := "–", "–"
		if !underway(run) {
			test = bnlib.FormatAccuracy(run.Test)
		}
		if len(run.Points) > 0 {
			validation = bnlib.FormatAccuracy(run.Last().Accuracy)
		}
		if divergedAt(run) > 0 {
			diverged = true
			test, validation = starred(test), starred(validation)
		}
		lockstep = max(lockstep, run.Lockstep)
		t.Rows = append(t.Rows, []string{look.name, test, validation, reached(run), speed(run), status(run)})
	}
	if len(runs) > 0 && oneExperiment(runs) && runs[0].Network.Name != "" {
		notes = append([]string{runs[0].Network.Name}, notes...)
	}
	if lockstep > 1 {
		notes = append(notes, fmt.Sprintf("steps per second of each of %d networks trained together", lockstep))
	}
	t.Caption = strings.Join(notes, " · ")
	if diverged {
		t.Caption += ". * After divergence logits are not numbers, every image counts as class 0, and the accuracy is the share of that class."
	}
	return t
}

// AddAccuracies puts a column of accuracies in [0, 1] before the last one, a number for each row in order, and returns t.
// A missing number or a NaN is a dash:
//
//	chart.Results(pair...).AddAccuracies("article, test", .9746, .9801)
func (t *Table) AddAccuracies(header string, shares ...float64) *Table {
	at := max(0, len(t.Header)-1)
	t.Header = insert(t.Header, at, header)
	for i := range t.Rows {
		cell := "–"
		if i < len(shares) {
			cell = bnlib.FormatAccuracy(shares[i])
		}
		t.Rows[i] = insert(t.Rows[i], min(at, len(t.Rows[i])), cell)
	}
	return t
}

func insert(cells []string, at int, cell string) []string {
	out := append([]string{}, cells[:at]...)
	return append(append(out, cell), cells[at:]...)
}

func starred(s string) string {
	if s == "–" {
		return s
	}
	return s + "*"
}

// underway reports whether a run is still in training.
func underway(run *bnlib.Run) bool { return run.Status == bnlib.Running }

func reached(run *bnlib.Run) string {
	step, ok := run.Reached(0.9)
	switch {
	case !ok && underway(run):
		return "not yet"
	case !ok:
		return "never"
	case run.StepsPerSecond > 0:
		return fmt.Sprintf("%d (%.2f s)", step, float64(step)/run.StepsPerSecond)
	}
	return fmt.Sprint(step)
}

func speed(run *bnlib.Run) string {
	if run.StepsPerSecond <= 0 || !finite(run.StepsPerSecond) {
		return "–"
	}
	return fmt.Sprintf("%.0f", run.StepsPerSecond)
}

func status(run *bnlib.Run) string {
	s := run.Status.String()
	switch at := divergedAt(run); {
	case at > 0:
		s = fmt.Sprintf("diverged at step %d", at)
	case underway(run):
		s = fmt.Sprintf("step %d of %d", run.Last().Step, run.Network.Steps)
	case run.Status.Early():
		s = fmt.Sprintf("%s at step %d of %d", s, run.Last().Step, run.Network.Steps)
	}
	return s
}

// HTML returns the table as an HTML element. All text is escaped.
func (t *Table) HTML() string {
	var b strings.Builder
	b.WriteString("<table>\n")
	if t.Caption != "" {
		fmt.Fprintf(&b, "<caption style=\"caption-side:bottom;text-align:left;color:%s\">%s</caption>\n", quiet, html.EscapeString(t.Caption))
	}
	row := func(tag string, cells []string) {
		b.WriteString("<tr>")
		for i, cell := range t.fill(cells) {
			style := "text-align:right"
			switch {
			case t.Words:
				style = "text-align:left;vertical-align:top;white-space:normal;min-width:5em"
				if i == len(t.Header)-1 {
					style = strings.Replace(style, "5em", "22em", 1) // the longest text stands last
				}
			case i == 0:
				style = "text-align:left"
			}
			text := strings.ReplaceAll(html.EscapeString(cell), "\n", "<br>")
			fmt.Fprintf(&b, "<%s style=\"%s\">%s</%s>", tag, style, text, tag)
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("<thead>\n")
	row("th", t.Header)
	b.WriteString("</thead>\n<tbody>\n")
	for _, cells := range t.Rows {
		row("td", cells)
	}
	b.WriteString("</tbody>\n</table>\n")
	return b.String()
}

// Markdown returns the table as GitHub draws it, its columns aligned so that it reads well as text too, and its caption
// below.
func (t *Table) Markdown() string {
	escape := strings.NewReplacer("|", `\|`, "\n", " ")
	rows := [][]string{}
	for _, cells := range append([][]string{t.Header}, t.Rows...) {
		row := []string{}
		for _, cell := range t.fill(cells) {
			row = append(row, escape.Replace(cell))
		}
		rows = append(rows, row)
	}
	widths := make([]int, len(t.Header))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], 3, utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for n, row := range rows {
		for i, cell := range row {
			space := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i > 0 {
				b.WriteString(" ")
			}
			if i == 0 || t.Words {
				b.WriteString("| " + cell + space)
			} else {
				b.WriteString("| " + space + cell)
			}
		}
		b.WriteString(" |\n")
		if n > 0 {
			continue
		}
		for i, w := range widths {
			if i > 0 {
				b.WriteString(" ")
			}
			if i == 0 || t.Words {
				b.WriteString("| " + strings.Repeat("-", w))
			} else {
				b.WriteString("| " + strings.Repeat("-", w-1) + ":")
			}
		}
		b.WriteString(" |\n")
	}
	if t.Caption != "" {
		b.WriteString("\n" + t.Caption + "\n")
	}
	return b.String()
}

// Text returns the table for a terminal: it is Markdown's.
func (t *Table) Text() string { return t.Markdown() }

// fill returns cells cut or filled up to the length of the header.
func (t *Table) fill(cells []string) []string {
	out := make([]string, len(t.Header))
	copy(out, cells)
	return out
}
