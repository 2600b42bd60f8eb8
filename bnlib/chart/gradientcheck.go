package chart

import (
	"fmt"

	"batchnorm/bnlib/check"
	"batchnorm/bnlib/plot"
)

// Gradients compares gradients derived by hand with autodiff's: the largest difference of each, in float64 and in float32.
func Gradients(checks ...check.Difference) *plot.Table {
	t := &plot.Table{
		Header:  []string{"gradient of the loss with respect to", "largest element", "largest difference in float64", "in float32"},
		Caption: "by hand and by autodiff",
	}
	for _, c := range checks {
		t.Rows = append(t.Rows, []string{c.Name, fmt.Sprintf("%.3g", c.Largest), fmt.Sprintf("%.2g", c.Float64), fmt.Sprintf("%.2g", c.Float32)})
	}
	return t
}
