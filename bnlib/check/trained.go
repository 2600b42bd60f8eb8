package check

import (
	"context"

	"batchnorm/bnlib"
	"batchnorm/data"
)

// trained returns the first steps of experiment 1 with batch normalization, trained or from the store, and the data of experiment 1.
func trained(steps int) (*bnlib.Run, *data.Dataset, error) {
	mnist, err := data.MNIST()
	if err != nil {
		return nil, nil, err
	}
	e := bnlib.Article(1)
	e.Steps, e.Every = steps, steps
	runs, err := bnlib.Train(context.Background(), e.With(bnlib.Batch), nil)
	if err != nil {
		return nil, nil, err
	}
	return runs[0], mnist, nil
}
