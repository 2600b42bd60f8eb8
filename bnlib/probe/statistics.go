package probe

import (
	"math"
	"slices"
)

// flatSigmoid is where the slope of the sigmoid, s·(1−s), falls to 0.01; flatTanh where that of tanh, 1−t², does.
var (
	flatSigmoid = float32(math.Log((1 + math.Sqrt(0.96)) / (1 - math.Sqrt(0.96)))) // 4.585
	flatTanh    = float32(math.Atanh(math.Sqrt(0.99)))                             // 2.993
)

// activationKind is what an activation function does to a pre-activation, as far as a Signal asks.
type activationKind int

const (
	noActivation activationKind = iota
	sigmoidActivation
	tanhActivation
	reluActivation
)

// summarize fills in the statistics of s from its values, [images, s.Units] row-major, which it leaves as they are.
func summarize(s *Signal, values []float32, act activationKind) {
	s.Saturated, s.Dead = math.NaN(), math.NaN()
	if act == reluActivation {
		s.Dead = deadUnits(values, s.Units)
	}
	low, high, sum, n := float32(math.Inf(1)), float32(math.Inf(-1)), 0.0, 0
	for _, v := range values {
		if v-v != 0 { // NaN or infinite
			continue
		}
		n++
		sum += float64(v)
		low, high = min(low, v), max(high, v)
	}
	s.NotFinite = len(values) - n
	s.Histogram.Counts = make([]int, HistogramBins)
	if n == 0 {
		nan := math.NaN()
		s.Mean, s.Std, s.Percentiles = nan, nan, [5]float64{nan, nan, nan, nan, nan}
		s.Histogram.Min, s.Histogram.Max = nan, nan
		return
	}
	if s.NotFinite > 0 {
		values = slices.DeleteFunc(slices.Clone(values), func(v float32) bool { return v-v != 0 })
	}
	s.Mean = sum / float64(n)
	s.Histogram.Min, s.Histogram.Max = float64(low), float64(high)

	b := newBins(low, high)
	index := make([]uint16, n)
	squares := 0.0
	for i, v := range values {
		d := float64(v) - s.Mean
		squares += d * d
		index[i] = b.put(v)
	}
	s.Std = math.Sqrt(squares / float64(n))
	for i, count := range b.counts {
		s.Histogram.Counts[i/finer] += int(count)
	}
	s.Percentiles = percentiles(values, b, index)

	if flat := map[activationKind]float32{sigmoidActivation: flatSigmoid, tanhActivation: flatTanh}[act]; flat > 0 {
		saturated := 0
		for _, v := range values {
			if v > flat || v < -flat {
				saturated++
			}
		}
		s.Saturated = float64(saturated) / float64(n)
	}
}

// deadUnits returns the share of units with no positive value and no NaN. values is [images, units].
func deadUnits(values []float32, units int) float64 {
	alive := make([]uint8, units)
	for row := range slices.Chunk(values, units) {
		for u, v := range row {
			var is uint8 // rather than a branch, which would go either way on every other value
			if !(v <= 0) {
				is = 1
			}
			alive[u] |= is
		}
	}
	dead := 0
	for _, a := range alive {
		if a == 0 {
			dead++
		}
	}
	return float64(dead) / float64(units)
}

// overImages returns the root mean square, over the units, of the standard deviation over the images. values is [images, units].
func overImages(values []float32, units int) float64 {
	mean, squares := make([]float64, units), 0.0
	images := float64(len(values) / units)
	for row := range slices.Chunk(values, units) {
		for u, v := range row {
			mean[u] += float64(v) / images
		}
	}
	for row := range slices.Chunk(values, units) {
		for u, v := range row {
			d := float64(v) - mean[u]
			squares += d * d
		}
	}
	return finiteOrNaN(math.Sqrt(squares / float64(len(values))))
}

// cosine returns the mean cosine of the angle between each row of values, [images, units], and the next. Rows of zeros have no angle.
func cosine(values []float32, units int) float64 {
	var before []float32
	sum, pairs, square, squareBefore := 0.0, 0, 0.0, 0.0
	for row := range slices.Chunk(values, units) {
		product := 0.0
		square = 0
		for u, v := range row {
			square += float64(v) * float64(v)
			if before != nil {
				product += float64(v) * float64(before[u])
			}
		}
		if before != nil && square != 0 && squareBefore != 0 {
			sum += product / math.Sqrt(square) / math.Sqrt(squareBefore)
			pairs++
		}
		before, squareBefore = row, square
	}
	return finiteOrNaN(sum / float64(pairs))
}

func finiteOrNaN(x float64) float64 {
	if math.IsInf(x, 0) {
		return math.NaN()
	}
	return x
}

// finer is how many bins, for finding percentiles, make one of a histogram.
const finer = 64

// bins counts values in equal bins from low to high.
type bins struct {
	low, scale float64
	counts     [HistogramBins * finer]int32
}

func newBins(low, high float32) *bins {
	b := &bins{low: float64(low)}
	if high > low {
		b.scale = float64(len(b.counts)) / (float64(high) - float64(low))
	}
	return b
}

// put counts a value and returns its bin.
func (b *bins) put(v float32) uint16 {
	i := uint16(min(int((float64(v)-b.low)*b.scale), len(b.counts)-1))
	b.counts[i]++
	return i
}

// percentiles returns the values at SignalPercentiles. index holds the bin of each value.
func percentiles(values []float32, b *bins, index []uint16) (p [5]float64) {
	position := func(percent float64) (at float64, below, above int) {
		at = percent / 100 * float64(len(values)-1)
		return at, int(at), min(int(at)+1, len(values)-1)
	}
	var ranks []int
	for _, percent := range SignalPercentiles {
		_, below, above := position(percent)
		ranks = append(ranks, below, above)
	}
	slices.Sort(ranks)
	ranks = slices.Compact(ranks)
	ordered := make([]float32, len(ranks))
	selectRanks(values, b, index, ranks, ordered)
	value := func(rank int) float64 { return float64(ordered[slices.Index(ranks, rank)]) }
	for i, percent := range SignalPercentiles {
		at, below, above := position(percent)
		p[i] = value(below) + (at-float64(below))*(value(above)-value(below))
	}
	return p
}

// sortable is how many values are sorted rather than told apart by bins.
const sortable = 2000

// selectRanks sets ordered[i] to the value that would stand at ranks[i], a rising list, if values were sorted. b and index say in which
// bin each value lies: only bins that hold a rank are looked into, and there, if they are large, again by bins.
func selectRanks(values []float32, b *bins, index []uint16, ranks []int, ordered []float32) {
	type group struct {
		first   int // rank of its smallest value
		ranks   []int
		ordered []float32
		values  []float32
	}
	var groups []*group
	var groupOf [len(b.counts)]uint8 // 1 + index in groups
	below, next := 0, 0
	for i, count := range b.counts {
		if next == len(ranks) {
			break
		}
		from := next
		for next < len(ranks) && ranks[next] < below+int(count) {
			next++
		}
		if next > from {
			groups = append(groups, &group{first: below, ranks: ranks[from:next], ordered: ordered[from:next],
				values: make([]float32, 0, count)})
			groupOf[i] = uint8(len(groups))
		}
		below += int(count)
	}
	for i, bin := range index {
		if g := groupOf[bin]; g > 0 {
			groups[g-1].values = append(groups[g-1].values, values[i])
		}
	}
	for _, g := range groups {
		low, high := slices.Min(g.values), slices.Max(g.values)
		if len(g.values) <= sortable || low == high {
			if low != high {
				slices.Sort(g.values)
			}
			for i, rank := range g.ranks {
				g.ordered[i] = g.values[rank-g.first]
			}
			continue
		}
		inner, innerIndex := newBins(low, high), make([]uint16, len(g.values))
		for i, v := range g.values {
			innerIndex[i] = inner.put(v)
		}
		innerRanks := make([]int, len(g.ranks))
		for i, rank := range g.ranks {
			innerRanks[i] = rank - g.first
		}
		selectRanks(g.values, inner, innerIndex, innerRanks, g.ordered)
	}
}
