package chart

import (
	"fmt"

	"batchnorm/bnlib/check"
	"batchnorm/bnlib/plot"
)

// Exercises tells how far each exercise is, in the given order.
func Exercises(verdicts ...check.Verdict) *plot.Table {
	t := &plot.Table{Header: []string{"", "exercise", "state", "the check says"}}
	right := 0
	for i, v := range verdicts {
		if v.State == check.Right {
			right++
		}
		t.Rows = append(t.Rows, []string{fmt.Sprint(i + 1), v.Exercise, v.State.String(), v.Says})
	}
	t.Caption = fmt.Sprintf("%d of %d right", right, len(verdicts))
	return t
}
