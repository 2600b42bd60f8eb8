package bnlib

import (
	"fmt"

	"github.com/gomlx/gomlx/ml/layers/activation"
)

// Article returns experiment 1 to 8 of the article, to be edited: each call gives one of its own. It panics for another number.
func Article(number int) Experiment {
	if number < 1 || number > 8 {
		panic(fmt.Errorf("bnlib: Article(%d); allowed: 1 to 8, the numbers of the article's experiments", number))
	}
	settings := [...]struct {
		std, rate  float64
		activation activation.Type
	}{
		{0.05, 0.01, activation.TypeRelu},
		{0.05, 0.01, activation.TypeSigmoid},
		{0.05, 2, activation.TypeRelu},
		{0.05, 2, activation.TypeSigmoid},
		{10, 0.01, activation.TypeRelu},
		{10, 0.01, activation.TypeSigmoid},
		{10, 2, activation.TypeRelu},
		{10, 2, activation.TypeSigmoid},
	}[number-1]
	return Experiment{
		Name:         fmt.Sprintf("Experiment %d", number),
		InitStd:      settings.std,
		LearningRate: settings.rate,
		Activation:   settings.activation,
		Hidden:       []int{128, 128, 128},
		Batch:        60,
		Steps:        50000,
		Every:        500,
		Seed:         1,
	}
}

// ArticleAll returns the eight experiments of the article in their order.
func ArticleAll() []Experiment {
	all := make([]Experiment, 8)
	for i := range all {
		all[i] = Article(i + 1)
	}
	return all
}

// Reported is what the article reports of one experiment, one run each: accuracies in [0, 1] on the 10000 test and the
// 5000 validation images.
type Reported struct {
	PlainTest, PlainValidation         float64 // without batch normalization
	BatchNormTest, BatchNormValidation float64
}

// ArticleReported holds the article's closing table, by the number of the experiment.
var ArticleReported = [9]Reported{
	1: {.9746, .9774, .9801, .9800},
	2: {.8570, .8616, .9700, .9746},
	3: {.0982, .1126, .9805, .9846},
	4: {.9784, .9812, .9802, .9830},
	5: {.0980, .0958, .7728, .7802},
	6: {.2897, .2920, .8496, .8570},
	7: {.0980, .0958, .0974, .1100},
	8: {.0980, .0868, .9354, .9388},
}
