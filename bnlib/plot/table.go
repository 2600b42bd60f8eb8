package plot

import (
	"fmt"
	"html"
	"slices"
	"strings"
	"unicode/utf8"
)

// Table is a table of words and numbers: the first column is set flush left, the others flush right unless Words is set.
type Table struct {
	Header  []string
	Rows    [][]string // each as long as Header; what is missing is empty
	Caption string     // may be empty
	Words   bool       // every column holds words, and is set flush left
}

// AddColumn puts a column before the last one, a cell for each row in order, and returns t. A missing cell is a dash.
func (t *Table) AddColumn(header string, cells ...string) *Table {
	at := max(0, len(t.Header)-1)
	t.Header = slices.Insert(slices.Clone(t.Header), at, header)
	for i, row := range t.Rows {
		cell := "–"
		if i < len(cells) {
			cell = cells[i]
		}
		t.Rows[i] = slices.Insert(slices.Clone(row), min(at, len(row)), cell)
	}
	return t
}

// HTML returns the table as an HTML element. All text is escaped.
func (t *Table) HTML() string {
	var b strings.Builder
	b.WriteString("<table>\n")
	if t.Caption != "" {
		// Fainter than the table, whose colour is the page's: it may be light on dark.
		fmt.Fprintf(&b, "<caption style=\"caption-side:bottom;text-align:left;opacity:.75\">%s</caption>\n", html.EscapeString(t.Caption))
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
