package chart

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"batchnorm/bnlib"
	"batchnorm/bnlib/plot"
	"batchnorm/bnlib/probe"
)

// FirstSteps draws networks that fail within a few steps, as they are after each step: a column a run; by row the standard deviation of
// the pre-activations, the share of dead units (or of saturated values), the norm of the weight matrices, the last layer's among them,
// and the training loss of the step that follows. Layers are told apart by shade, from pale, near the images, to dark. A × stands
// where a curve is no longer finite. Axes differ from column to column. The runs need snapshots, which Options.Hooks takes, at every
// step: Experiment.Every is 1.
func FirstSteps(runs ...*bnlib.Run) *plot.Figure {
	runs = present(runs)
	f := &plot.Figure{Title: firstStepsTitle(runs), Subtitle: conditions(runs), Columns: len(runs), Width: plot.PageWidth, Height: 120}
	names := layers(snapshots(runs)...)
	if len(names) == 0 {
		return unprobed(f, runs)
	}
	what, explained := idleKind(snapshots(runs))
	explain(f, explained+" · ×: no longer finite")
	for _, row := range []struct {
		y      plot.Axis
		curves func(*bnlib.Run) []course
	}{
		{plot.Axis{Label: "std of pre-activations (log)", Log: true}, func(run *bnlib.Run) []course { return signalCourses(run, std) }},
		{plot.Axis{Label: what + " (share)", Max: 1.05}, func(run *bnlib.Run) []course { return signalCourses(run, idle) }},
		{plot.Axis{Label: "norm of the weights (log)", Log: true}, weightCourses},
		{plot.Axis{Label: "training loss (nats, log)", Log: true}, func(run *bnlib.Run) []course { return []course{lossCourse(run)} }},
	} {
		for i, run := range runs {
			style, ok := styleOf(run.Network) // that of the norm, though other columns have it too
			if !ok {
				style = appearances(runs)[i].style
			}
			p := plot.Panel{Title: firstStepsName(run), X: stepAxis(runs), Y: row.y, Empty: notFinite}
			for k, c := range row.curves(run) {
				s := plot.Series{Name: run.Network.Norm.Name, Style: style, X: c.x, Y: c.drawn(row.y.Log)}
				if c.name != "" {
					s.Name, s.Style = c.name+", "+s.Name, style.Shade(k, len(names)+1)
				}
				p.Series = append(p.Series, s)
				if mark, ok := c.end(style); ok && row.y.Log {
					p.Marks = append(p.Marks, mark)
				}
			}
			slices.SortStableFunc(p.Marks, func(a, b plot.Mark) int { return cmp.Compare(a.X, b.X) })
			for k := range p.Marks {
				if k > 0 {
					p.Marks[k].Text = "" // the first says it
				}
			}
			f.Panels = append(f.Panels, p)
		}
	}
	return f
}

// firstStepsName names a run in few words: "7 · with batch norm".
func firstStepsName(run *bnlib.Run) string {
	n := run.Network
	if n.Model != nil || n.Name == "" {
		return n.Name
	}
	return strings.TrimPrefix(n.Name, "Experiment ") + " · " + n.Norm.Name
}

// course is one quantity at every look, NaN or infinite where it is not finite.
type course struct {
	name string
	x, y []float64
}

func (c *course) add(step int, y float64) { c.x, c.y = append(c.x, float64(step)), append(c.y, y) }

// lost returns the index of the first value that is not finite; −1: all are.
func (c course) lost() int { return slices.IndexFunc(c.y, func(y float64) bool { return !finite(y) }) }

// drawn returns the values until the first that is not finite; a log axis leaves out zeros.
func (c course) drawn(log bool) []float64 {
	y := slices.Clone(c.y)
	for i := range y {
		if at := c.lost(); at >= 0 && i >= at || log && y[i] == 0 {
			y[i] = math.NaN()
		}
	}
	return y
}

// end marks the first value that is not finite, at the height of the one before.
func (c course) end(style plot.Style) (m plot.Mark, ok bool) {
	at := c.lost()
	if at < 0 {
		return m, false
	}
	m = plot.Mark{X: c.x[at], Y: math.NaN(), Color: style.Color, Text: fmt.Sprintf("not finite after step %v", c.x[at])}
	if at > 0 {
		m.Y = c.y[at-1]
	}
	m.Detail = m.Text
	if c.name != "" {
		m.Detail = c.name + ": " + m.Text
	}
	return m, true
}

func std(g probe.Signal) float64 { return g.Std }

// signalCourses are a value of the pre-activations of each layer. It counts as not finite where one of them is not.
func signalCourses(run *bnlib.Run, value func(probe.Signal) float64) []course {
	var all []course
	for _, layer := range layers(run.Snapshots()...) {
		c := course{name: layer}
		for _, s := range run.Snapshots() {
			if g, ok := preActivation(s, layer); ok && g.NotFinite == 0 {
				c.add(s.Step, value(g))
			} else if ok {
				c.add(s.Step, math.NaN())
			}
		}
		all = append(all, c)
	}
	return all
}

// weightCourses are the norms of the weight matrices, the last layer's included.
func weightCourses(run *bnlib.Run) []course {
	var all []course
	for i, s := range run.Snapshots() {
		k := 0
		for _, p := range s.Parameters {
			layer, ok := strings.CutSuffix(p.Name, "/weights")
			if !ok {
				continue
			}
			if i == 0 {
				all = append(all, course{name: strings.TrimSuffix(layer, "/dense")})
			}
			all[k].add(s.Step, p.Norm)
			k++
		}
	}
	return all
}

func lossCourse(run *bnlib.Run) course {
	var c course
	for _, s := range run.Snapshots() {
		c.add(s.Step, s.Loss)
	}
	return c
}

// firstStepsTitle says how each run ends: "The first 20 steps: 3 · without batch norm: hidden_3 dead after step 18; 5 · without batch norm:
// loss not finite after step 6".
func firstStepsTitle(runs []*bnlib.Run) string {
	last := 0
	for _, run := range runs {
		last = max(last, run.Network.Steps)
	}
	title := topic(fmt.Sprintf("the first %s: ", counted(last, "step")), runs)
	if len(snapshots(runs)) == 0 {
		return title + notProbed
	}
	var items []string
	for i, look := range appearances(runs) {
		what, after := failure(runs[i])
		if after >= 0 {
			what += fmt.Sprintf(" after step %d", after)
		}
		items = append(items, look.name+": "+what)
	}
	return title + strings.Join(firstFew(items), "; ")
}

// Failures tells of each run what fails first and after how many steps: a quantity that is no longer finite, or else a layer all of
// whose units are dead to the end. With it the highest training loss up to there, and by how much the weight matrix that grew most has
// grown, as a ratio of norms. The runs need snapshots at every step, as for FirstSteps.
func Failures(runs ...*bnlib.Run) *plot.Table {
	runs = present(runs)
	t := &plot.Table{
		Header:  []string{"network", "seed", "fails first", "after step", "highest loss up to there", "weights grown by a factor of"},
		Caption: "weights: of the matrix that has grown most, ratio of norms",
	}
	for _, run := range runs {
		what, after := failure(run)
		row := []string{firstStepsName(run), fmt.Sprint(run.Network.Seed), what, "–", "–", "–"}
		if after >= 0 {
			row[3] = fmt.Sprint(after)
		}
		highest := func(c course) float64 { // of what is finite
			top := math.Inf(-1)
			for i, y := range c.y {
				if finite(y) && (after < 0 || int(c.x[i]) <= after) {
					top = max(top, y)
				}
			}
			return top
		}
		grown := math.Inf(-1)
		for _, c := range weightCourses(run) {
			grown = max(grown, highest(c)/c.y[0])
		}
		if finite(grown) {
			row[4], row[5] = plot.Short(highest(lossCourse(run))), plot.Short(grown)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// failure says what is not finite first, or else which layer is dead to the last look, and after which step; −1: neither.
func failure(run *bnlib.Run) (what string, after int) {
	after = -1
	see := func(name string, c course, at int) {
		if at >= 0 && (after < 0 || int(c.x[at]) < after) {
			what, after = name, int(c.x[at])
		}
	}
	for _, c := range weightCourses(run) { // what is lost at the same look is named in the order in which it is computed
		see("weights of "+c.name+" not finite", c, c.lost())
	}
	for _, c := range signalCourses(run, std) {
		see("pre-activations of "+c.name+" not finite", c, c.lost())
	}
	c := lossCourse(run)
	see("loss not finite", c, c.lost())
	if after >= 0 {
		return what, after
	}
	most, where := 0., ""
	for _, c := range signalCourses(run, func(g probe.Signal) float64 { return g.Dead }) {
		from := len(c.y)
		for from > 0 && c.y[from-1] == 1 {
			from--
		}
		if from < len(c.y) {
			see("all units of "+c.name+" dead", c, from)
		} else if last := c.y[len(c.y)-1]; last > most {
			most, where = last, c.name
		}
	}
	switch {
	case after >= 0:
		return what, after
	case where != "":
		return fmt.Sprintf("nothing, but %.0f%% of %s are dead at the end", 100*most, where), -1
	}
	return "nothing", -1
}
