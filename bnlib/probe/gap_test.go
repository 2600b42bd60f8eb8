package probe_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"batchnorm/bnlib"
	"batchnorm/bnlib/probe"
	"batchnorm/data"

	. "github.com/gomlx/gomlx/core/graph"
)

// TestGap holds what Gap sees to the run's own evaluations, and with exact statistics to training mode on the images they are taken of.
func TestGap(t *testing.T) {
	// On the images that statistics are taken of, inference with exact statistics is training mode.
	exact := probe.Hook{Name: "exact", Graph: func(l *probe.Look) {
		images, _ := l.Training(300)
		training := l.Logits(images)
		l.Record("size", ReduceAllMax(Abs(training)))
		l.Record("difference", ReduceAllMax(Abs(Sub(l.InferenceAt(l.Exact(images), images), training))))
		l.Record("with averages", ReduceAllMax(Abs(Sub(l.Inference(images), training))))
	}}
	runs := train(t, short(4).Pair(), probe.Gap, exact)
	for i, run := range runs {
		h := run.Seen[probe.Gap.Name]
		for _, p := range run.Points {
			got := h.At(p.Step, probe.OnValidation+probe.MovingAverages)
			if len(got) != 2 || math.Abs(got[0]/p.Loss-1) > 1e-4 || math.Abs(got[1]-p.Accuracy) > 1e-3 {
				t.Errorf("%s, step %d: %v with moving averages, the run's evaluation is %v", run.Network.Norm.Name, p.Step, got, p)
			}
		}
		last := run.Seen[exact.Name]
		size, difference, averages := last.At(40, "size")[0], last.At(40, "difference")[0], last.At(40, "with averages")[0]
		if difference > 1e-4*size {
			t.Errorf("%s: exact statistics are off by %v from training mode on the same images, of %v", run.Network.Norm.Name, difference, size)
		}
		if moved := averages > 0.01*size; moved != (i == 1) {
			t.Errorf("%s: moving averages are off by %v from training mode, of %v", run.Network.Norm.Name, averages, size)
		}
		for _, on := range []string{probe.OnMinibatches, probe.OnTraining, probe.OnValidation} {
			moving, exact := h.At(40, on+probe.MovingAverages), h.At(40, on+probe.ExactStatistics)
			if same := slices.Equal(moving, exact); same != (i == 0) {
				t.Errorf("%s, %s%v with moving averages, %v with exact statistics", run.Network.Norm.Name, on, moving, exact)
			}
			for _, score := range [][]float64{moving, exact} {
				if len(score) != 2 || !(score[0] > 0) || !(score[1] > 0.1 && score[1] < 1) {
					t.Errorf("%s, %sloss and accuracy %v", run.Network.Norm.Name, on, score)
				}
			}
		}
		own, exact := h.At(40, probe.OnMinibatches+probe.OwnStatistics), h.At(40, probe.OnMinibatches+probe.ExactStatistics)
		if i == 0 && math.Abs(own[0]/exact[0]-1) > 1e-5 || i == 1 && !(own[0] > exact[0]) {
			t.Errorf("%s: %v on minibatches with their own statistics, %v with exact ones", run.Network.Norm.Name, own, exact)
		}
	}
}

// TestNoise gives a first layer independent images, whose minibatches' statistics vary as the doc comment says.
func TestNoise(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	set := func(n int) data.Set {
		s := data.Set{Images: make([]uint8, n*data.Pixels), Labels: make([]uint8, n)}
		for i := range s.Images {
			s.Images[i] = uint8(rng.IntN(256))
		}
		return s
	}
	sizes := []int{2, 3, 10, 100}
	run := trainWith(t, short(1).With(bnlib.Batch), &bnlib.Options{
		Data:  &data.Dataset{Train: set(3000), Validation: set(10), Test: set(10), Checksum: "independent"},
		Store: &bnlib.Store{Dir: t.TempDir()}, Hooks: []probe.Hook{probe.Noise(sizes...).At(0)},
	})[0]
	h := run.Seen["noise"]
	kurtosis := h.At(0, "hidden_1 kurtosis")[0]
	if math.Abs(kurtosis-3) > 0.2 {
		t.Errorf("kurtosis of a sum of 784 independent numbers: %v", kurtosis)
	}
	for i, size := range sizes {
		m := float64(size)
		for record, want := range map[string]float64{
			"hidden_1 mean":     1 / math.Sqrt(m),
			"hidden_1 variance": math.Sqrt((m - 1) * ((m-1)*kurtosis - (m - 3)) / (m * m * m)),
			"hidden_1 bias":     (m - 1) / m,
		} {
			got := h.At(0, record)
			if len(got) != len(sizes) || math.Abs(got[i]/want-1) > 0.1 {
				t.Errorf("%s of %d images: %v, want %v", record, size, got, want)
			}
		}
	}
}
