package chart

import (
	"fmt"
	"math"
	"strings"

	"batchnorm/bnlib"
	"batchnorm/bnlib/plot"
	"batchnorm/bnlib/probe"
)

// Initial tells what networks look like before training, from what bnlib.InitialSignal returns for them: by hidden layer the
// standard deviation of the pre-activations and the share of saturated values or dead units; the first training loss, in nats;
// and the norms of the first gradient with respect to the weights of the first and of the last hidden layer, with their ratio.
func Initial(networks []bnlib.Network, snapshots []probe.Snapshot) *plot.Table {
	n := min(len(networks), len(snapshots))
	what, explained := idleKind(snapshots[:n])
	t := &plot.Table{
		Header: []string{"network", "std of pre-activations by layer", what + " by layer", "first loss", "gradient, first layer", "last", "first / last"},
	}
	if explained != "" {
		t.Caption = explained + "; "
	}
	t.Caption += "gradient: norm of the loss's gradient with respect to the weights of the first and of the last hidden layer"
	for _, g := range group(networks[:n]) {
		for _, k := range g.members {
			s := snapshots[k]
			name := g.title
			if g.key != "" {
				name += ", " + g.looks[k].name
			}
			row := []string{name, "–", "–", loss(s.Loss), "–", "–", "–"}
			if names := layers(s); len(names) > 0 {
				_, std := byLayer(s, func(g probe.Signal) float64 { return g.Std })
				row[1] = list(std, loss)
				if _, share := byLayer(s, idle); finite(share[0]) {
					row[2] = list(share, func(v float64) string { return fmt.Sprintf("%.1f%%", 100*v) })
				}
				first, last := gradientOf(s, names[0]), gradientOf(s, names[len(names)-1])
				row[4], row[5], row[6] = loss(first), loss(last), loss(first/last)
			}
			t.Rows = append(t.Rows, row)
		}
	}
	return t
}

// gradientOf returns the norm of the gradient of a layer's weights.
func gradientOf(s probe.Snapshot, layer string) float64 {
	if w, ok := weightsOf(s, layer); ok {
		return w.Gradient
	}
	return math.NaN()
}

// list writes one number a layer.
func list(values []float64, write func(float64) string) string {
	var words []string
	for _, v := range values {
		words = append(words, write(v))
	}
	return strings.Join(words, ", ")
}
