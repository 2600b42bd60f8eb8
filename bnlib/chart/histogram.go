package chart

import (
	"fmt"
	"math"

	"batchnorm/bnlib"
	"batchnorm/bnlib/plot"
	"batchnorm/bnlib/probe"
)

const (
	heatRows   = 40    // cells of a panel from bottom to top
	heatHeight = 120   // of a panel in CSS pixels: three to the cell
	heatTail   = 0.005 // share of a step's values that may lie above a panel, and as many below
	heatFull   = 0.3   // the darkest colour stands for this share or less
)

// HistogramHeat draws the histograms of pre-activations through training: a row of panels a hidden layer, a column a run,
// the colour of a cell the share of the step's values that lie in it. It needs runs that were trained with a Probe.
//
// Where a layer has no pre-activation that the probe recognized, its product is drawn. A panel reaches so far that at every
// step at most 0.5% of the values lie above it, and below; the panels of a layer have one axis unless that leaves one of
// them less than a third of its height. Where values grow a thousandfold, the axis is logarithmic on both sides of zero and
// shows what lies between the percentiles that a Signal holds. Steps
// at which no value is finite are grey, and a × says from where on.
func HistogramHeat(runs ...*bnlib.Run) *plot.Figure {
	runs = present(runs)
	f := &plot.Figure{
		Title:    bandsTitle(runs),
		Subtitle: conditions(runs),
		Columns:  len(runs),
		Width:    plot.PageWidth,
		Height:   heatHeight,
	}
	looks := appearances(runs)
	var heats []*heat
	names := layers(snapshots(runs)...)
	if len(names) == 0 {
		return unprobed(f, runs)
	}
	for _, layer := range names {
		row := make([]*heat, len(runs))
		for i, run := range runs {
			row[i] = newHeat(seen(run), layer)
		}
		shareRange(row)
		heats = append(heats, row...)
	}
	full := 0.0
	for _, h := range heats {
		full = max(full, h.rebin())
	}
	full = min(heatFull, math.Ceil(full*100)/100)
	for i, h := range heats {
		f.Panels = append(f.Panels, h.panel(runs[i%len(runs)], looks[i%len(runs)], full))
	}
	explain(f, "colour: share of the step's values in a cell, square root scale"+ofImages(snapshots(runs)))
	return f
}

// heat is the histograms of one layer of one run.
type heat struct {
	layer     string
	kind      probe.SignalKind
	steps     []int
	signals   []probe.Signal
	low, high float64     // limits of the panel, as at places them; NaN if no value is finite
	narrow    float64     // the least range of a step between its limits
	bent      float64     // 0: evenly spaced; else values beyond it, on both sides, are spaced as their logarithms
	columns   [][]float64 // shares, heatRows a step
}

func newHeat(looks []probe.Snapshot, layer string) *heat {
	h := &heat{layer: layer, low: math.NaN(), high: math.NaN(), narrow: math.NaN()}
	for _, s := range looks {
		signal, ok := preActivation(s, layer)
		if !ok {
			continue
		}
		h.kind = signal.Kind
		h.steps, h.signals = append(h.steps, s.Step), append(h.signals, signal)
		if low, high, ok := central(signal.Histogram); ok {
			if !(h.narrow <= high-low) {
				h.narrow = high - low
			}
			if !(h.low <= low) {
				h.low = low
			}
			if !(h.high >= high) {
				h.high = high
			}
		}
	}
	h.bend()
	if h.high-h.low < 1e-6*max(1, math.Abs(h.low)) {
		around := max(0.5, 0.05*math.Abs(h.low))
		h.low, h.high = h.low-around, h.high+around
	}
	return h
}

// bend gives the panel an axis on which the narrowest step and the widest can both be seen, if one that is evenly spaced
// does not do.
func (h *heat) bend() {
	const most = 1000 // ranges of the narrowest step in one panel
	if largest := max(math.Abs(h.low), math.Abs(h.high)); h.narrow > 0 && largest > most*h.narrow && largest > most {
		h.bent = h.narrow / 2
		h.low, h.high = h.at(h.low), h.at(h.high)
	}
}

// at returns where on the panel's axis a value is.
func (h *heat) at(v float64) float64 {
	if h.bent == 0 {
		return v
	}
	return math.Asinh(v/h.bent) / math.Ln10
}

// value is the inverse of at.
func (h *heat) value(at float64) float64 {
	if h.bent == 0 {
		return at
	}
	return h.bent * math.Sinh(at*math.Ln10)
}

// names are what a bent axis says: 0 and powers of ten on both sides.
func (h *heat) names() []plot.Name {
	if h.bent == 0 {
		return nil
	}
	names := []plot.Name{{At: 0, Text: "0"}}
	first := math.Ceil(math.Log10(h.bent)) + 2
	decades := math.Log10(max(math.Abs(h.value(h.low)), math.Abs(h.value(h.high)))) - first
	sides := 1.
	if h.low < 0 && h.high > 0 {
		sides = 2
	}
	every := max(1, math.Ceil(sides*decades/5))
	for k := 0.; k <= decades; k += every {
		text := fmt.Sprintf("1e%.0f", first+k)
		at := h.at(math.Pow(10, first+k))
		names = append(names, plot.Name{At: at, Text: text}, plot.Name{At: -at, Text: "−" + text})
	}
	return names
}

// central returns the limits that leave heatTail of the values beyond each of them, taking values as spread evenly over
// their bin, and whether there are values that can be drawn.
func central(b probe.Histogram) (low, high float64, ok bool) {
	total := 0
	for _, n := range b.Counts {
		total += n
	}
	if total == 0 || !finite(b.Min) || !finite(b.Max) {
		return 0, 0, false
	}
	width := (b.Max - b.Min) / float64(len(b.Counts))
	quantile := func(q float64) float64 {
		below := 0.0
		for i, n := range b.Counts {
			if below+float64(n) >= q*float64(total) && n > 0 {
				return b.Min + width*(float64(i)+(q*float64(total)-below)/float64(n))
			}
			below += float64(n)
		}
		return b.Max
	}
	return quantile(heatTail), quantile(1 - heatTail), true
}

// shareRange gives the panels of a layer one axis, unless one of them would be less than a third of it.
func shareRange(row []*heat) {
	low, high, least := math.Inf(1), math.Inf(-1), math.Inf(1)
	for _, h := range row {
		if h.bent > 0 {
			return
		}
		if finite(h.low) {
			low, high, least = min(low, h.low), max(high, h.high), min(least, h.high-h.low)
		}
	}
	if least < (high-low)/3 {
		return
	}
	for _, h := range row {
		if finite(h.low) {
			h.low, h.high = low, high
		}
	}
}

// rebin computes the columns and returns the largest share of a cell.
func (h *heat) rebin() (largest float64) {
	height := (h.high - h.low) / heatRows
	for _, signal := range h.signals {
		b := signal.Histogram
		column := make([]float64, heatRows)
		pieces := binsOf(b, signal.NotFinite)
		if h.bent > 0 {
			pieces = percentilePieces(signal)
		}
		for k := range column {
			if len(pieces) == 0 {
				column[k] = math.NaN()
			}
		}
		for _, p := range pieces {
			from, to, share := (h.at(p.low)-h.low)/height, (h.at(p.high)-h.low)/height, p.share
			for k := max(0, int(from)); k < heatRows && float64(k) <= to; k++ {
				part := 1.0 // of a bin without width, all is in one cell
				if to > from {
					part = max(0, min(to, float64(k+1))-max(from, float64(k))) / (to - from)
				}
				column[k] += part * share
				if to == from {
					break
				}
			}
		}
		for _, share := range column {
			if share > largest {
				largest = share
			}
		}
		h.columns = append(h.columns, column)
	}
	return largest
}

// piece is a share of a step's values, spread evenly from low to high.
type piece struct{ low, high, share float64 }

// binsOf returns the bins of a histogram, as shares of all values, those that are not finite included.
func binsOf(b probe.Histogram, notFinite int) []piece {
	if !finite(b.Min) || !finite(b.Max) {
		return nil
	}
	total := notFinite
	for _, n := range b.Counts {
		total += n
	}
	width := (b.Max - b.Min) / float64(len(b.Counts))
	var pieces []piece
	for i, n := range b.Counts {
		if n > 0 {
			low := b.Min + width*float64(i)
			pieces = append(pieces, piece{low, low + width, float64(n) / float64(total)})
		}
	}
	return pieces
}

// percentilePieces returns what lies between the percentiles: where values are of all sizes, nearly all of them are in one of
// the bins, which are equal, and the percentiles tell more.
func percentilePieces(s probe.Signal) []piece {
	finiteValues := 0
	for _, n := range s.Histogram.Counts {
		finiteValues += n
	}
	if !finite(s.Histogram.Min) || !finite(s.Histogram.Max) || finiteValues == 0 {
		return nil
	}
	known := float64(finiteValues) / float64(finiteValues+s.NotFinite)
	var pieces []piece
	low, below := s.Histogram.Min, 0.0
	for i, high := range append(s.Percentiles[:], s.Histogram.Max) {
		above := 100.
		if i < len(s.Percentiles) {
			above = probe.SignalPercentiles[i]
		}
		pieces = append(pieces, piece{low, high, known * (above - below) / 100})
		low, below = high, above
	}
	return pieces
}

func (h *heat) panel(run *bnlib.Run, look appearance, full float64) plot.Panel {
	what := "pre-activation"
	if h.kind == probe.LinearOutput && len(h.signals) > 0 {
		what = "product"
	}
	p := plot.Panel{
		Title: h.layer + ", " + look.name,
		X:     stepAxis([]*bnlib.Run{run}),
		Y:     plot.Axis{Label: what},
		Empty: notProbed,
	}
	if len(run.Snapshots()) > 0 {
		p.Empty = "no such layer"
	}
	if len(h.steps) == 0 {
		return p
	}
	if finite(h.low) {
		p.Y.Min, p.Y.Max = h.low, h.high
	} else {
		p.Y.Min, p.Y.Max = 0, 1
	}
	cells := plot.Cells{
		X: stepEdges(h.steps, run), Y: make([]float64, heatRows+1), Values: h.columns, Name: "share of values",
		Colors: plot.ColorScale{Stops: plot.Sequential(look.style.Color), Max: full, Root: true, Percent: true},
	}
	for k := range cells.Y {
		cells.Y[k] = p.Y.Min + (p.Y.Max-p.Y.Min)*float64(k)/heatRows
	}
	if h.bent > 0 {
		p.Y.Names = h.names()
		p.Y.Label += " (log on both sides of 0)"
		for k := range heatRows {
			cells.RowNames = append(cells.RowNames, plot.Short(h.value(cells.Y[k]))+" to "+plot.Short(h.value(cells.Y[k+1])))
		}
	}
	p.Cells = []plot.Cells{cells}
	for i, signal := range h.signals {
		if signal.NotFinite == 0 {
			continue
		}
		text := fmt.Sprintf("some values not finite from step %d", h.steps[i])
		at := divergedAt(run)
		switch none := math.IsNaN(h.columns[i][0]); {
		case none && at > 0 && at <= h.steps[i]:
			text = fmt.Sprintf("diverged at step %d: no finite values", at)
		case none:
			text = fmt.Sprintf("no finite values from step %d", h.steps[i])
		}
		p.Marks = []plot.Mark{{X: float64(h.steps[i]), Y: math.NaN(), Text: text, Detail: look.name + ": " + text, Color: plot.Ink}}
		break
	}
	return p
}

// stepEdges returns edges halfway between the steps, the first and the last at their steps.
func stepEdges(steps []int, run *bnlib.Run) []float64 {
	first, last := float64(steps[0]), float64(steps[len(steps)-1])
	if len(steps) == 1 {
		wide := max(1, float64(run.Network.Steps)/20)
		if first+wide <= float64(run.Network.Steps) || first < wide {
			return []float64{first, first + wide}
		}
		return []float64{first - wide, first}
	}
	edges := []float64{first}
	for i := range steps[1:] {
		edges = append(edges, float64(steps[i]+steps[i+1])/2)
	}
	return append(edges, last)
}
