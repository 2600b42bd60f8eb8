package probe

import (
	"strings"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

// Alikeness is how much images resemble each other at a place in a network: by the cosines between the vectors that it makes of them.
type Alikeness struct {
	Layer  string
	Kind   SignalKind
	Same   float64 // mean cosine between two images of one class; NaN if there are none
	Others float64 // between two images of different classes
	// Rank is (Σλ)²/Σλ², λ being the eigenvalues of the matrix of cosines: the number of directions, if all are used alike. It is 1 if all
	// images point in one direction, and as many as there are images if each points in one of its own. No matrix has a lower rank.
	Rank float64
}

// Similarity takes the cosines between all pairs of the first validation images, in training mode, at each of Look.Layers. See
// AlikenessOf.
func Similarity(images int) Hook {
	return Hook{Name: "similarity", Graph: func(l *Look) {
		x, labels := l.Validation(images)
		n := x.Shape().Dim(0)
		same := ConvertDType(Equal(Reshape(labels, n, 1), Reshape(labels, 1, n)), dtypes.Float32)
		diagonal := ConvertDType(Diagonal(x.Graph(), n), dtypes.Float32)
		others := OneMinus(same)
		same = Sub(same, diagonal)
		for _, layer := range l.Layers(x) {
			values := Reshape(layer.Node, n, -1)
			values = Div(values, Sqrt(ReduceAndKeep(Square(values), ReduceSum, 1)))
			cosines := Dot(values, Transpose(values, 0, 1)).Product() // [images, images]
			mean := func(which *Node) *Node { return Div(ReduceAllSum(Mul(cosines, which)), ReduceAllSum(which)) }
			rank := Div(Square(ReduceAllSum(Mul(cosines, diagonal))), ReduceAllSum(Square(cosines)))
			l.Record(layer.Name+" "+layer.Kind.String(), Stack([]*Node{mean(same), mean(others), rank}, 0))
		}
	}}
}

// AlikenessOf returns what a history of Similarity says, [step][layer]; nothing of a history of another hook.
func AlikenessOf(h *History) [][]Alikeness {
	if !h.whole() {
		return nil
	}
	all := make([][]Alikeness, len(h.Steps))
	for k, values := range h.Values {
		for i, name := range h.Names {
			if len(values[i]) != 3 {
				return nil
			}
			a := Alikeness{Same: values[i][0], Others: values[i][1], Rank: values[i][2]}
			for _, kind := range []SignalKind{LinearOutput, PreActivation} {
				if layer, ok := strings.CutSuffix(name, " "+kind.String()); ok {
					a.Layer, a.Kind = layer, kind
				}
			}
			if a.Layer == "" {
				return nil
			}
			all[k] = append(all[k], a)
		}
	}
	return all
}
