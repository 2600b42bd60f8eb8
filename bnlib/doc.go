// Package bnlib trains networks on MNIST with and without batch normalization, from the same initial weights on the same
// minibatches, and keeps what each training left behind.
//
//	e := bnlib.Article(1)                                    // an experiment, to be edited
//	runs, err := bnlib.Compare(ctx, e, nil)                  // its two networks, side by side
//	fmt.Println(runs[0].Test, runs[1].Test)                  // accuracy on the test images, without and with
//
// # What there is
//
//   - What to train: [Experiment], with a [Norm] a [Network]. [Article] has the article's. [ByVariable] gives some variables rates,
//     standard deviations or a weight decay of their own, 0 being frozen. A model function is [ModelFunc].
//   - Training: [Compare] for a pair, [Train] for any networks, [Grid] for many, [Study] for several seeds. [Options] has the rest, hooks
//     that look inside among it (package probe).
//   - What comes out: a [Run], [Results], [Replicates]. A [Store] keeps runs.
//   - With a trained network: [Logits], [BatchLogits], [Right], [Fold], [Look].
//   - The layer itself: [BatchNorm] and the functions it is made of.
//
// # What cannot be used
//
// An error names the network of a call, the field, its value, what is allowed, and how to mend it. Functions that return no error and are
// given an index or a count that there is not, as [Article] with 9, panic with such an error. A nil run, of a network that a store
// lacks, has nothing, and figures leave it out. Functions of the reader's own, models, norms, schedules and hooks, may panic, return
// nil or another shape: that is an error as well, see [Train], which also says what becomes of one that never returns.
//
// # Notation
//
// Shapes are written [rows, columns]; batch is the size of a minibatch. A hidden layer maps x [batch, inputs] to the
// pre-activation x·W [batch, units], W being [inputs, units], normalizes it or adds a bias, and applies the activation. The
// last layer gives logits [batch, 10]. Loss is the mean cross-entropy in nats. Accuracies are in [0, 1].
//
// Batch normalization has gamma and beta, learned, and a moving mean and variance, [units] each; epsilon is added to the
// variance, momentum is that of the moving averages.
//
// # Sources
//
// The experiments are those of the article "Batch Normalization: principle and practice, part 2" (in Chinese, 2018, by
// 天雨粟 on Zhihu), which took its network and its comparison from Udacity's lesson on batch normalization. The method is
// S. Ioffe and C. Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate
// Shift", 2015, arXiv:1502.03167. The layer's defaults are those of TensorFlow 1's tf.layers.batch_normalization.
package bnlib
