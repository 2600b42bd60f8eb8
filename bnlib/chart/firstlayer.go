package chart

import (
	"fmt"
	"math"
	"slices"

	"batchnorm/bnlib"
	"batchnorm/bnlib/plot"
)

const (
	firstLayer      = "hidden_1/dense/weights"
	pictureSide     = 28 // of an MNIST image, in pixels
	picturesAcross  = 4
	picturesDown    = 6
	pictureGap      = 1 // pixels between two pictures
	pictureScale    = 2 // CSS pixels to the pixel
	gridAcross      = picturesAcross*(pictureSide+pictureGap) - pictureGap
	gridDown        = picturesDown*(pictureSide+pictureGap) - pictureGap
	clearlyStronger = 0.95 // quantile of the weights' absolute values at which colours are darkest
)

// FirstLayer draws the weights of the first hidden layer as images, a panel a run: what each unit looks for. Of all units
// it draws the 24 whose weights have the largest Euclidean norm, the largest first, row by row. Weights above zero are green,
// below it purple; a run has one scale for all its units, on which one weight in twenty has the darkest colour or would have
// a darker one.
func FirstLayer(runs ...*bnlib.Run) *plot.Figure {
	runs = present(runs)
	const width = gridAcross*pictureScale + plot.AxisWidth
	f := &plot.Figure{
		Subtitle: conditions(runs),
		Width:    width * max(1, len(runs)),
		Height:   gridDown * pictureScale,
	}
	looks := appearances(runs)
	for i, run := range runs {
		p := plot.Panel{Bare: true, Empty: "no " + firstLayer + " of an image's size"}
		p.Y.Label = looks[i].name
		if w, ok := imageWeights(run); ok {
			drawUnits(&p, w)
		}
		f.Panels = append(f.Panels, p)
	}
	explain(f, "green: above zero, purple: below")
	most := 0
	for _, run := range runs {
		if w, ok := imageWeights(run); ok {
			most = max(most, min(w.Dims[1], picturesAcross*picturesDown))
		}
	}
	what := "weights of hidden_1"
	if most > 0 {
		what += fmt.Sprintf(", norms of the %d largest units", most)
	}
	f.Title = topic(what+": ", runs) + eachOutcome(runs, func(run *bnlib.Run) string {
		w, ok := imageWeights(run)
		if !ok {
			return "not known"
		}
		all := norms(w)
		drawn := largest(all, picturesAcross*picturesDown)
		return plot.Short(all[drawn[0]]) + " to " + plot.Short(all[drawn[len(drawn)-1]])
	})
	return f
}

// imageWeights returns the weights of the first hidden layer, [784, units], if the run has them.
func imageWeights(run *bnlib.Run) (w bnlib.Weight, ok bool) {
	w, ok = run.Weight(firstLayer)
	return w, ok && len(w.Dims) == 2 && w.Dims[0] == pictureSide*pictureSide && w.Dims[1] > 0 && len(w.Values) == w.Dims[0]*w.Dims[1]
}

// norms returns the Euclidean norm of each unit's weights. w is [784, units].
func norms(w bnlib.Weight) []float64 {
	out := make([]float64, w.Dims[1])
	for row := range slices.Chunk(w.Values, w.Dims[1]) {
		for u, v := range row {
			out[u] += float64(v) * float64(v)
		}
	}
	for u := range out {
		out[u] = math.Sqrt(out[u])
	}
	return out
}

// drawUnits puts the images of the largest units into a panel. w is [784, units].
func drawUnits(p *plot.Panel, w bnlib.Weight) {
	units := w.Dims[1]
	drawn := largest(norms(w), picturesAcross*picturesDown)
	cells := plot.Cells{Name: "weight", Picture: true, X: make([]float64, gridAcross+1), Y: make([]float64, gridDown+1)}
	for i := range cells.X {
		cells.X[i] = float64(i)
	}
	for i := range cells.Y {
		cells.Y[i] = float64(i)
	}
	cells.Values = make([][]float64, gridAcross)
	for i := range cells.Values {
		cells.Values[i] = slices.Repeat([]float64{math.NaN()}, gridDown)
	}
	var sizes []float64
	for n, u := range drawn {
		left, top := n%picturesAcross*(pictureSide+pictureGap), n/picturesAcross*(pictureSide+pictureGap)
		for pixel := range pictureSide * pictureSide {
			v := float64(w.Values[pixel*units+u])
			cells.Values[left+pixel%pictureSide][gridDown-1-top-pixel/pictureSide] = v
			if finite(v) {
				sizes = append(sizes, math.Abs(v))
			}
		}
	}
	if len(sizes) == 0 {
		p.Empty = "no weight is finite"
		return
	}
	slices.Sort(sizes)
	end := sizes[int(clearlyStronger*float64(len(sizes)-1))]
	cells.Colors = plot.ColorScale{Stops: plot.Diverging(), Min: -end, Max: end}
	p.Cells = []plot.Cells{cells}
}

// largest returns the places of the n largest values, the largest first. NaN counts as largest of all.
func largest(values []float64, n int) []int {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch x, y := values[a], values[b]; {
		case x > y || math.IsNaN(x) && !math.IsNaN(y):
			return -1
		case x < y || math.IsNaN(y) && !math.IsNaN(x):
			return 1
		}
		return 0
	})
	return order[:min(n, len(order))]
}
