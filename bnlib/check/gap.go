package check

import (
	"fmt"
	"math"

	"batchnorm/bnlib"
	"batchnorm/bnlib/internal/engine"
	"batchnorm/bnlib/probe"

	. "github.com/gomlx/gomlx/core/graph"
)

// Gap checks a hook that records, as "gap", how much larger the loss on the next minibatch is in inference than in training mode, in nats:
// on experiment 1 with batch normalization, before the first step and after 60.
func Gap(answer func(l *probe.Look)) Verdict {
	const exercise = "a hook of your own"
	if answer == nil {
		return missing(exercise)
	}
	run, _, err := trained(60)
	if err != nil {
		return unchecked(exercise, err)
	}
	var parts []part
	for _, at := range []struct {
		name string
		run  *bnlib.Run
	}{{"before the first step", &bnlib.Run{Network: run.Network}}, {fmt.Sprintf("after %d steps", len(run.Losses)), run}} {
		ours, err := bnlib.Look(at.run, probe.Hook{Name: "ours", Graph: gapAndMore}, nil)
		if err != nil {
			return unchecked(exercise, err)
		}
		nothing := false
		var readers error
		theirs, err := bnlib.Look(at.run, probe.Hook{Name: "yours", Graph: func(l *probe.Look) {
			readers = engine.TryCatch(func() error { answer(l); return nil })
			if readers != nil {
				panic(readers)
			}
			if nothing = len(l.Records()) == 0; nothing {
				l.Record("nothing", l.Loss())
			}
		}}, nil)
		switch {
		case readers != nil:
			return failed(exercise, readers)
		case err != nil:
			return failed(exercise, err)
		case nothing:
			parts = append(parts, part{name: at.name, says: "the hook records nothing"})
			continue
		}
		numbers := theirs.Of("gap")
		if len(numbers) == 0 || len(numbers[0]) != 1 {
			says := fmt.Sprintf("wrong, there is no record \"gap\", but %q", theirs.Names)
			if len(numbers) > 0 {
				says = fmt.Sprintf("wrong, the record has %d numbers; wanted: one, a scalar", len(numbers[0]))
			}
			parts = append(parts, part{name: at.name, state: Wrong, says: says})
			continue
		}
		parts = append(parts, gapPart(at.name, numbers[0][0], ours))
	}
	return verdict(exercise, parts...)
}

// gapAndMore records the gap, and what may be taken for it.
func gapAndMore(l *probe.Look) {
	images, labels := l.Minibatch()
	inference := l.CrossEntropy(l.Inference(images), labels)
	l.Record("gap", Sub(inference, l.Loss()))
	l.Record("inference", inference)
	l.Record("training", l.Loss())
	images, labels = l.Validation(5000)
	l.Record("validation", Sub(l.CrossEntropy(l.Inference(images), labels), l.Loss()))
	l.Record("both on validation", Sub(l.CrossEntropy(l.Inference(images), labels), l.CrossEntropy(l.Logits(images), labels)))
}

// gapPart compares what the hook recorded. It is of float32 numbers: four digits of the losses count.
func gapPart(name string, got float64, ours *probe.History) part {
	of := func(record string) float64 { return ours.Of(record)[0][0] }
	same := func(x float64) bool { return math.Abs(got-x) <= 1e-4*of("inference") }
	hint := ""
	switch {
	case got-got != 0:
		return part{name: name, state: Wrong, says: fmt.Sprintf("%g is no finite number", got)}
	case same(of("gap")):
		return part{name: name, state: Right, says: fmt.Sprintf("%.3g nats is right; allowed: a difference of 1e-04 times the loss", got)}
	case same(-of("gap")):
		hint = "It has the wrong sign."
	case same(of("inference")):
		hint = "That is the loss in inference: what is it to be compared with?"
	case same(of("training")):
		hint = "That is the loss in training mode: what is it to be compared with?"
	case same(0):
		hint = "Are both losses of one mode?"
	case same(of("validation")):
		hint = "That compares validation images with the minibatch: two things differ at once."
	case same(of("both on validation")):
		hint = "That is the gap on validation images; wanted: on the minibatch."
	}
	return part{name, Wrong, fmt.Sprintf("%.3g is off by %.2g", got, math.Abs(got-of("gap"))), hint}
}
