package bnlib

import (
	"math"
	"os"

	"github.com/gomlx/gomlx/ml/layers/activation"
)

// Phase is the map of where training works: networks of the article over the standard deviation of their initial weights and their
// learning rate, with ReLU and sigmoid, 400 steps each, to be edited. A step of either axis is a quarter of a decade of deviation and
// half a decade of rate, so that cells along a diagonal have the same rate·std² or the same rate/std². Its marks are the
// article's experiments. In quick mode it has one seed.
func Phase() Grid {
	g := Grid{
		Base:  Article(1),
		Axes:  []Axis{Activation(activation.TypeRelu, activation.TypeSigmoid), Rate(LogSpaced(1e-4, 100, 13)...), Std(LogSpaced(math.Sqrt(1e-3), math.Sqrt(1e3), 13)...)},
		Seeds: 3,
		Marks: ArticleAll(),
	}
	g.Base.Steps, g.Base.Every = 400, 400
	if os.Getenv(QuickEnv) != "" {
		g.Seeds = 1
	}
	return g
}
