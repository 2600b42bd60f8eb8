// Package parallel trains a network on several devices at once, each with its share of every minibatch: data parallelism. Every device
// has all the weights; after the backward pass they average their gradients, and so all make the same step.
//
//	result, err := parallel.Train(ctx, bnlib.Network{Experiment: bnlib.Article(1), Norm: parallel.Synced}, 4, nil)
//
// With a norm that looks at each image alone, or none, that is the training of the whole minibatch on one device. With bnlib.Batch it is
// not: a device knows the statistics of its own share. [Synced] asks the others.
//
// The devices are those of backend.Devices: GPUs, or threads of a processor.
package parallel
