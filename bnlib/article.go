package bnlib

import "github.com/gomlx/gomlx/ml/layers/activation"

// Article holds the eight experiments of the article, by their number: Article[1] to Article[8]. Article[0] is not one of
// them; it is the zero Experiment.
var Article = [9]Experiment{
	1: article("Experiment 1", 0.05, 0.01, activation.TypeRelu),
	2: article("Experiment 2", 0.05, 0.01, activation.TypeSigmoid),
	3: article("Experiment 3", 0.05, 2, activation.TypeRelu),
	4: article("Experiment 4", 0.05, 2, activation.TypeSigmoid),
	5: article("Experiment 5", 10, 0.01, activation.TypeRelu),
	6: article("Experiment 6", 10, 0.01, activation.TypeSigmoid),
	7: article("Experiment 7", 10, 2, activation.TypeRelu),
	8: article("Experiment 8", 10, 2, activation.TypeSigmoid),
}

func article(name string, initStd, learningRate float64, act activation.Type) Experiment {
	return Experiment{
		Name:         name,
		InitStd:      initStd,
		LearningRate: learningRate,
		Activation:   act,
		Hidden:       []int{128, 128, 128},
		Batch:        60,
		Steps:        50000,
		Every:        500,
		Seed:         1,
		complete:     true,
	}
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
