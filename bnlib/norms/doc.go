// Package norms has batch normalization's relatives: what a [bnlib.Norm] can be instead of bnlib.Batch. Each file is one of them, with
// its formula and where it comes from.
//
//	grid := bnlib.Grid{Base: bnlib.Article(1), Norms: []bnlib.Norm{bnlib.Batch, norms.Layer, norms.Group(8), norms.DyT}}
//
// In the formulas x is [batch, units], the linear outputs of a hidden layer; i is an image and j a unit. Mean over i is a unit's mean over
// the images of a minibatch, mean over j an image's mean over its units. Epsilon is bnlib.Epsilon for all, so that norms differ in one
// thing only. Gamma and beta, [units], start at ones and zeros and are learned. What is a statistic of the minibatch in training is its
// moving average in inference, as in bnlib.BatchNorm.
package norms
