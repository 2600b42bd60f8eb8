package probe

import (
	"fmt"
	"strings"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"
)

// SignalKind says where in a layer a Signal is taken.
type SignalKind int

const (
	// LinearOutput is x·W, before normalization. A layer whose linear output goes to its activation without normalization has
	// only a PreActivation.
	LinearOutput SignalKind = iota
	// PreActivation is what the activation function is given: after the bias or after normalization.
	PreActivation
)

func (k SignalKind) String() string {
	switch k {
	case LinearOutput:
		return "linear output"
	case PreActivation:
		return "pre-activation"
	}
	return fmt.Sprintf("SignalKind(%d)", int(k))
}

// Signal summarises one array of a network, [images, units], over all its values.
type Signal struct {
	Layer  string // path of the layer's scope within the network, such as "hidden_1"
	Kind   SignalKind
	Images int
	Units  int

	Mean, Std   float64    // NaN if no value is finite, and so are the percentiles
	Percentiles [5]float64 // at SignalPercentiles, exact; between two values, interpolated linearly
	Histogram   Histogram
	NotFinite   int // how many values are NaN or infinite; all the rest but Dead leaves them out

	// Std pools all units. What tells images apart is how much a unit's values differ from image to image.
	OverImages float64 // standard deviation over the images, the root mean square of the units'; NaN if a value is not finite
	Cosine     float64 // between the signals of two images, the mean over each image and the next; NaN likewise, or if all are 0

	Saturated float64 // share of values at which the slope of the sigmoid, or of tanh, is below 0.01; NaN where there is neither
	Dead      float64 // share of units whose ReLU is 0 on every image (of NaN it is NaN); NaN where there is no ReLU
}

// SignalPercentiles are the percentiles that a Signal records. Ioffe and Szegedy (2015, figure 1) draw the middle three.
var SignalPercentiles = [5]float64{5, 15, 50, 85, 95}

// HistogramBins is the number of bins of a Signal's Histogram.
const HistogramBins = 60

// Histogram counts values in equal bins from Min to Max, the smallest and the largest of them. The last bin includes Max;
// if all values are one, they are in the first bin. Min and Max are NaN if there are no values.
type Histogram struct {
	Min, Max float64
	Counts   []int // HistogramBins of them
}

// SignalImages is how many validation images Signals looks with.
const SignalImages = 500

// Signals shows the first SignalImages validation images to the network in training mode, so that batch normalization uses the
// statistics of these images, and takes a Signal at each of Look.Layers. See SignalsOf.
var Signals = SignalsOn(SignalImages)

// SignalsOn is Signals with another number of images, at most those that there are.
func SignalsOn(images int) Hook {
	return Hook{Name: "signals", Graph: func(l *Look) {
		if images < 1 {
			exceptions.Panicf("probe: SignalsOn: images is %d; allowed: 1 or more", images)
		}
		x, _ := l.Validation(images)
		for _, layer := range l.Layers(x) {
			name, values := layer.Name+" "+layer.Kind.String(), Reshape(layer.Node, x.Shape().Dim(0), -1)
			l.Reduced(name, values, layer.summarize)
			l.Reduced(name+acrossRecord, values, layer.acrossImages)
		}
	}}
}

const acrossRecord = " across images"

// summarize turns the values of a layer, [images, units], into the numbers of a Signal.
func (l Layer) summarize(values []float32) []float64 {
	s := Signal{Images: l.images, Units: len(values) / l.images}
	summarize(&s, values, l.activation)
	return s.encode()
}

// acrossImages returns OverImages and Cosine of the values of a layer, [images, units].
func (l Layer) acrossImages(values []float32) []float64 {
	units := len(values) / l.images
	return []float64{overImages(values, units), cosine(values, units)}
}

// encode writes in numbers all of a Signal but its name and what acrossImages returns.
func (s Signal) encode() []float64 {
	numbers := []float64{float64(s.Images), float64(s.Units), s.Mean, s.Std}
	numbers = append(numbers, s.Percentiles[:]...)
	numbers = append(numbers, s.Histogram.Min, s.Histogram.Max, float64(s.NotFinite), s.Saturated, s.Dead)
	for _, count := range s.Histogram.Counts {
		numbers = append(numbers, float64(count))
	}
	return numbers
}

func decode(name string, numbers []float64) Signal {
	var s Signal
	next := func() (number float64) {
		number, numbers = numbers[0], numbers[1:]
		return number
	}
	for _, kind := range []SignalKind{LinearOutput, PreActivation} {
		if layer, ok := strings.CutSuffix(name, " "+kind.String()); ok {
			s.Layer, s.Kind = layer, kind
		}
	}
	s.Images, s.Units, s.Mean, s.Std = int(next()), int(next()), next(), next()
	for i := range s.Percentiles {
		s.Percentiles[i] = next()
	}
	s.Histogram.Min, s.Histogram.Max, s.NotFinite, s.Saturated, s.Dead = next(), next(), int(next()), next(), next()
	for _, count := range numbers {
		s.Histogram.Counts = append(s.Histogram.Counts, int(count))
	}
	return s
}

// signalNumbers is how many numbers encode makes, the counts of the histogram apart.
var signalNumbers = len(Signal{}.encode())

// SignalsOf returns the signals in a history of Signals, [step][layer], in the order of its steps and of the network's layers; none
// of a history of another hook.
func SignalsOf(h *History) [][]Signal {
	if h == nil {
		return nil
	}
	all := make([][]Signal, len(h.Steps))
	if !h.whole() {
		return all
	}
	for _, values := range h.Values {
		for i, numbers := range values {
			if least := [2]int{signalNumbers, 2}[i%2]; len(numbers) < least || len(values)%2 != 0 {
				return all
			}
		}
	}
	for k, values := range h.Values {
		for i := 0; i+1 < len(values); i += 2 {
			s := decode(h.Names[i], values[i])
			s.OverImages, s.Cosine = values[i+1][0], values[i+1][1]
			all[k] = append(all[k], s)
		}
	}
	return all
}
