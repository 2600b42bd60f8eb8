package check

import (
	"fmt"
	"math"

	"batchnorm/bnlib"
	"batchnorm/bnlib/internal/engine"
	"batchnorm/data"
)

// OneImage checks how a trained network is asked: the logits of images, [images, 10], must not depend on which others are asked for.
func OneImage(answer func(run *bnlib.Run, images data.Set) ([]float32, error)) Verdict {
	const exercise = "find the bug: one image"
	if answer == nil {
		return missing(exercise)
	}
	run, mnist, err := trained(300)
	if err != nil {
		return unchecked(exercise, err)
	}
	const images, alone = 500, 5
	some := func(from, to int) data.Set {
		return data.Set{Images: mnist.Test.Images[from*data.Pixels : to*data.Pixels], Labels: mnist.Test.Labels[from:to]}
	}
	want, err := bnlib.Logits(run, some(0, images))
	if err != nil {
		return unchecked(exercise, err)
	}
	ask := func(set data.Set) (logits []float32, err error) {
		err = engine.TryCatch(func() (err error) { logits, err = answer(run, set); return err })
		if err == nil && len(logits) != data.Classes*set.Len() {
			err = fmt.Errorf("of %d images it returns %d logits; wanted: %d for each", set.Len(), len(logits), data.Classes)
		}
		return logits, err
	}
	together, err := ask(some(0, images))
	if err != nil {
		return failed(exercise, err)
	}
	labels := mnist.Test.Labels[:images]
	right, could := bnlib.Right(together, labels), bnlib.Right(want, labels)
	accuracy := part{name: fmt.Sprintf("%d test images", images), state: Right, says: fmt.Sprintf("%.0f%% are right", 100*right)}
	if right < could-0.01 {
		accuracy.state = Wrong
		accuracy.says += fmt.Sprintf("; this network can do %.0f%%", 100*could)
	}
	company := part{name: "an image alone and among the others", state: Right, says: "the same logits, but for rounding"}
	difference := 0.0
	for i := range alone {
		logits, err := ask(some(i, i+1))
		if err != nil {
			return failed(exercise, err)
		}
		for k, v := range logits {
			difference = math.Max(difference, math.Abs(float64(v-together[i*data.Classes+k])))
		}
	}
	if !(difference <= 1e-3) {
		company.state = Wrong
		company.says = fmt.Sprintf("its logits differ by up to %.2g: what it is taken for depends on its company", difference)
	}
	if accuracy.state == Wrong && company.state == Right {
		accuracy.hint = theBug
	}
	return verdict(exercise, accuracy, company)
}
