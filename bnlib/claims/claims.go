// Package claims holds what the article says of its experiments against runs of them.
package claims

import (
	"fmt"
	"math"
	"slices"

	"batchnorm/bnlib"
	"batchnorm/bnlib/probe"
)

// Claim is something that the article says, in words of our own, with a test of it.
type Claim struct {
	Experiment int    // its number, or 0 for one of the article's conclusions
	Text       string // what the article says
	Reported   string // the article's figures, without / with batch normalization; "" if it gives none
	parts      []part
}

// ClaimsOf returns the claims about one experiment, or with 0 the article's conclusions, in the article's order.
func ClaimsOf(experiment int) []Claim {
	var claims []Claim
	for _, c := range Claims {
		if c.Experiment == experiment {
			claims = append(claims, c)
		}
	}
	return claims
}

// Claims are what the article says of its experiments and, last, in conclusion. What it explains rather than observes, such
// as a reduced internal covariate shift, is not among them: runs cannot test it. That the scale of the weights has no effect is
// three claims, which Ioffe and Szegedy (2015, section 3.3) keep apart.
var Claims = []Claim{
	{1, "Batch normalization gives a slightly better accuracy.", reportedAccuracies(1), []part{
		on(1, "test accuracy is higher with it", bnAbove(testAccuracy, tie), numbersOf("test", bnlib.FormatAccuracy, testAccuracy)),
		on(1, "validation accuracy is higher with it", bnAbove(validationAccuracy, tie), numbersOf("validation", bnlib.FormatAccuracy, validationAccuracy)),
	}},
	{1, "Batch normalization converges faster: 90% on the validation images by step 500, against 3000 without.", "90% at 3000 / 500", []part{
		closely(1, "reaches 90% earlier with it", bnEarlier),
		closely(1, "with it, by about step 500", bnRun(reachedBy(500*(1+about)))),
		closely(1, "without it, at about step 3000", plainRun(reachedAbout(3000))),
	}},
	{1, "Without batch normalization training makes more steps per second, by nearly a half.", "483.61 / 329.23 steps/s", []part{
		elsewhere("steps per second", "a study's networks train beside each other; 11 · Experiment 1 measures each alone", 1),
	}},

	{2, "Batch normalization converges very fast.", "", []part{
		on(2, "with it, 90% within the first tenth of the steps", bnRun(reachedEarly), stepsTo90),
		on(2, "reaches 90% earlier with it", bnEarlier, stepsTo90),
	}},
	{2, "Without batch normalization accuracy wavers, and settles only after step 20000.", "", []part{
		on(2, "without it, accuracy falls by 0.05 or more between evaluations up to step 20000", plainRun(wavers(0, 20000)), largestFallUpTo20000),
		on(2, "and does not after that, give or take a third of it", plainRun(not(wavers(settled, math.MaxInt))), largestFallSettled),
	}},
	{2, "In the end batch normalization is far ahead.", reportedAccuracies(2), []part{
		on(2, "test accuracy is higher by 0.05 or more with it", bnAbove(testAccuracy, clearly), numbersOf("test", bnlib.FormatAccuracy, testAccuracy)),
	}},

	{3, "Without batch normalization the large learning rate makes training fail at once.", reportedAccuracies(3), failsFromTheStart(3)},
	{3, "With batch normalization training stays stable at the large learning rate.", reportedAccuracies(3), []part{
		on(3, "with it, test accuracy is 0.97 or more", bnRun(atLeast(testAccuracy, good)), numbersOf("test", bnlib.FormatAccuracy, testAccuracy)),
		on(3, "with it, accuracy does not fall by 0.05 or more between evaluations", bnRun(not(wavers(0, math.MaxInt))), largestFall),
	}},

	{4, "Both networks do very well, and their test accuracies are very close.", reportedAccuracies(4), []part{
		on(4, "without it, test accuracy is 0.97 or more", plainRun(atLeast(testAccuracy, good)), numbersOf("test", bnlib.FormatAccuracy, testAccuracy)),
		on(4, "with it, too", bnRun(atLeast(testAccuracy, good)), numbersOf("test", bnlib.FormatAccuracy, testAccuracy)),
		on(4, "they differ by at most 0.01", func(p pair) answer { return answerOf(math.Abs(p.bn.Test-p.plain.Test) <= veryClose) }, numbersOf("test", bnlib.FormatAccuracy, testAccuracy)),
	}},
	{4, "Batch normalization still converges faster: 90% at about step 500, against about 1000 without.", "90% at about 1000 / 500", []part{
		closely(4, "reaches 90% earlier with it", bnEarlier),
		closely(4, "with it, by about step 500", bnRun(reachedBy(500*(1+about)))),
		closely(4, "without it, at about step 1000", plainRun(reachedAbout(1000))),
	}},

	{5, "Without batch normalization the network fails from the start.", reportedAccuracies(5), failsFromTheStart(5)},
	{5, "Batch normalization copes with weights as bad as these, and comes close to 80%.", reportedAccuracies(5), []part{
		on(5, "with it, test accuracy is within 0.05 of 0.80", bnRun(near(.8)), numbersOf("test", bnlib.FormatAccuracy, testAccuracy)),
	}},

	{6, "Without batch normalization accuracy rises at first, then gradually fails, and ends at 30%.", reportedAccuracies(6), []part{
		on(6, "without it, validation accuracy rises by 0.05 or more", plainRun(rises), highest),
		on(6, "and ends 0.05 or more below its highest", plainRun(declines), numbersOf("last validation", bnlib.FormatAccuracy, validationAccuracy)),
		on(6, "test accuracy is within 0.05 of 0.30", plainRun(near(.3)), numbersOf("test", bnlib.FormatAccuracy, testAccuracy)),
	}},
	{6, "Batch normalization copes with weights as bad as these, and comes close to 85%.", reportedAccuracies(6), []part{
		on(6, "with it, test accuracy is within 0.05 of 0.85", bnRun(near(.85)), numbersOf("test", bnlib.FormatAccuracy, testAccuracy)),
	}},

	{7, "With batch normalization the network trains for a while, then training stops.", reportedAccuracies(7), []part{
		on(7, "with it, validation accuracy exceeds 0.2", bnRun(not(neverAbove(failed))), highest),
		on(7, "and test accuracy ends below 0.2", bnRun(fails), numbersOf("test", bnlib.FormatAccuracy, testAccuracy)),
	}},
	{7, "Without batch normalization the network fails from the start.", reportedAccuracies(7), failsFromTheStart(7)},

	{8, "Batch normalization is robust against large weights and a large learning rate, and comes to 93%.", reportedAccuracies(8), []part{
		on(8, "with it, test accuracy is within 0.05 of 0.93", bnRun(near(.93)), numbersOf("test", bnlib.FormatAccuracy, testAccuracy)),
	}},
	{8, "Without batch normalization accuracy oscillates for a time, then the network fails.", reportedAccuracies(8), []part{
		on(8, "without it, accuracy falls by 0.05 or more between evaluations", plainRun(wavers(0, math.MaxInt)), largestFall),
		on(8, "and test accuracy ends below 0.2", plainRun(fails), numbersOf("test", bnlib.FormatAccuracy, testAccuracy)),
	}},

	{0, "Batch normalization speeds up convergence.", "", []part{
		closely(1, "experiment 1: reaches 90% earlier with it", bnEarlier),
		on(2, "experiment 2: too", bnEarlier, stepsTo90),
		closely(4, "experiment 4: too", bnEarlier),
	}},
	{0, "Batch normalization makes a network robust against its parameters, initial weights and learning rate.", "", []part{
		onWorks(3), onWorks(5), onWorks(6), onWorks(7), onWorks(8),
	}},
	{0, "Batch normalization makes a network robust against the choice of activation function.", "", []part{
		onAlike("ReLU and sigmoid", 1, 2), onAlike("ReLU and sigmoid", 3, 4), onAlike("ReLU and sigmoid", 5, 6), onAlike("ReLU and sigmoid", 7, 8),
	}},
	{0, "Batch normalization is not affected by the scale of the weights: the output of a normalized layer.", "", []part{
		onScaled(1, "percentiles of every hidden layer's pre-activations shift by at most 0.2 standard deviations", "largest shift", outputShift,
			func(shift float64) bool { return shift <= unmoved }),
		onScaled(2, "too", "largest shift", outputShift, func(shift float64) bool { return shift <= unmoved }),
	}},
	{0, "Batch normalization is not affected by the scale of the weights: the gradient of a normalized layer's weights.", "", []part{
		onScaled(1, "the gradient of every hidden layer's weights keeps at least half of its size", "smallest share", gradientShare,
			func(share float64) bool { return share >= half }),
		onScaled(2, "too", "smallest share", gradientShare, func(share float64) bool { return share >= half }),
	}},
	{0, "Batch normalization is not affected by the scale of the weights: how well the whole network learns.", "", []part{
		onAlike("std 0.05 and 10", 1, 5), onAlike("std 0.05 and 10", 2, 6), onAlike("std 0.05 and 10", 3, 7), onAlike("std 0.05 and 10", 4, 8),
	}},
	{0, "Batch normalization eases vanishing gradients.", "", []part{
		on(2, "at step 0 the gradient of the first layer, relative to that of the last hidden one, is larger with it", lessVanishing,
			numbersOf("first / last gradient", ratio, gradientRatio)),
	}},
	{0, "The noise of the minibatch's statistics regularizes.", "", []part{
		elsewhere("validation loss at equal training loss", "needs both losses in one mode, all along the training; 20 · Summary measures it", 1, 4),
	}},
}

func reportedAccuracies(n int) string {
	r := bnlib.ArticleReported[n]
	return fmt.Sprintf("test %s / %s, validation %s / %s",
		bnlib.FormatAccuracy(r.PlainTest), bnlib.FormatAccuracy(r.BatchNormTest), bnlib.FormatAccuracy(r.PlainValidation), bnlib.FormatAccuracy(r.BatchNormValidation))
}

// on is a part that one experiment decides.
func on(n int, says string, holds func(pair) answer, numbers func(bnlib.Replicates) string) part {
	of := source{n, whole}
	return part{
		says:    says,
		needs:   []source{of},
		holds:   func(pairs map[source]pair) answer { return holds(pairs[of]) },
		numbers: func(study map[source]bnlib.Replicates) string { return numbers(study[of]) },
	}
}

// closely is a part about the step at which an experiment reaches 90%, read off its close-up as far as that goes.
func closely(n int, says string, holds func(pair) answer) part {
	of, near := source{n, whole}, source{n, closeUp}
	return part{
		says:  says,
		needs: []source{of, near},
		holds: func(pairs map[source]pair) answer {
			return holds(pair{refined(pairs[of].plain, pairs[near].plain), refined(pairs[of].bn, pairs[near].bn)})
		},
		numbers: func(study map[source]bnlib.Replicates) string {
			r := study[of]
			return stepsTo90(bnlib.Replicates{Plain: refinedAll(r.Plain, study[near].Plain), BatchNorm: refinedAll(r.BatchNorm, study[near].BatchNorm)})
		},
	}
}

// refined is a run with the evaluations of its close-up, and its own after these.
func refined(run, near *bnlib.Run) *bnlib.Run {
	both := *run
	both.Points = slices.Clone(near.Points)
	for _, p := range run.Points {
		if p.Step > near.Last().Step {
			both.Points = append(both.Points, p)
		}
	}
	return &both
}

func refinedAll(runs, near bnlib.Sample) bnlib.Sample {
	var all bnlib.Sample
	for i := range min(len(runs), len(near)) {
		all = append(all, refined(runs[i], near[i]))
	}
	return all
}

// onScaled compares the network with batch normalization of an experiment, at step 0, with one whose hidden weights are larger.
func onScaled(n int, says, name string, number func(run, scaled *bnlib.Run) float64, holds func(float64) bool) part {
	of, with := source{n, whole}, source{n, scaled}
	return part{
		says:  says,
		needs: []source{of, with},
		holds: func(pairs map[source]pair) answer {
			x := number(pairs[of].bn, pairs[with].bn)
			if math.IsNaN(x) {
				return unknown
			}
			return answerOf(holds(x))
		},
		numbers: func(study map[source]bnlib.Replicates) string {
			var all []float64
			for i := range min(len(study[of].BatchNorm), len(study[with].BatchNorm)) {
				all = append(all, number(study[of].BatchNorm[i], study[with].BatchNorm[i]))
			}
			return name + " " + bnlib.NewSpread(all...).Text(ratio)
		},
	}
}

// elsewhere is a part that no study can tell, about some experiments, and why.
func elsewhere(says, why string, numbers ...int) part {
	p := part{says: says, why: why, holds: func(map[source]pair) answer { return unknown }}
	for _, n := range numbers {
		p.needs = append(p.needs, source{n, whole})
	}
	return p
}

func failsFromTheStart(n int) []part {
	return []part{
		on(n, "without it, test accuracy ends below 0.2", plainRun(fails), numbersOf("test", bnlib.FormatAccuracy, testAccuracy)),
		on(n, "and validation accuracy never exceeds 0.5", plainRun(neverAbove(begun)), highest),
	}
}

func onWorks(n int) part {
	return on(n, fmt.Sprintf("experiment %d: with it, test accuracy is 0.9 or more", n), bnRun(atLeast(testAccuracy, works)), numbersOf("test", bnlib.FormatAccuracy, testAccuracy))
}

// onAlike says that two settings give the network with batch normalization the same accuracy.
func onAlike(settings string, a, b int) part {
	one, other := source{a, whole}, source{b, whole}
	return part{
		says:  fmt.Sprintf("experiments %d and %d: with %s, test accuracy differs by at most 0.02", a, b, settings),
		needs: []source{one, other},
		holds: func(pairs map[source]pair) answer {
			return answerOf(math.Abs(pairs[one].bn.Test-pairs[other].bn.Test) <= alike)
		},
		numbers: func(study map[source]bnlib.Replicates) string {
			return fmt.Sprintf("test %v and %v", study[one].BatchNorm.Test(), study[other].BatchNorm.Test())
		},
	}
}

// Numbers of a run.

func testAccuracy(r *bnlib.Run) float64       { return r.Test }
func validationAccuracy(r *bnlib.Run) float64 { return r.Last().Accuracy }

// highestValidation is the highest accuracy at any evaluation after step 0.
func highestValidation(r *bnlib.Run) float64 {
	most := math.NaN()
	for _, p := range r.Points {
		if p.Step > 0 && !(p.Accuracy <= most) {
			most = p.Accuracy
		}
	}
	return most
}

// fall is the largest fall in validation accuracy from one evaluation to the next, the first of the two at a step from from up to,
// not including, to; NaN if there are no two.
func fall(r *bnlib.Run, from, to int) float64 {
	most := math.NaN()
	for i, p := range r.Points[:max(len(r.Points)-1, 0)] {
		if d := p.Accuracy - r.Points[i+1].Accuracy; p.Step >= from && p.Step < to && !(d <= most) {
			most = d
		}
	}
	return most
}

// atStart is what hooks saw of a run before its first step; false if they did not look.
func atStart(r *bnlib.Run) (probe.Snapshot, bool) {
	if all := r.Snapshots(); len(all) > 0 && all[0].Step == 0 {
		return all[0], true
	}
	return probe.Snapshot{}, false
}

// gradients are the norms of the gradients of the hidden layers' weights at step 0, NaN if nothing looked.
func gradients(r *bnlib.Run) []float64 {
	start, _ := atStart(r)
	norms := make([]float64, len(r.Network.Hidden))
	for i := range norms {
		norms[i] = math.NaN()
		for _, p := range start.Parameters {
			if p.Name == fmt.Sprintf("hidden_%d/dense/weights", i+1) {
				norms[i] = p.Gradient
			}
		}
	}
	return norms
}

// gradientRatio is the norm of the gradient of the first layer's weights over that of the last hidden layer's, at step 0.
func gradientRatio(r *bnlib.Run) float64 {
	norms := gradients(r)
	return norms[0] / norms[len(norms)-1]
}

// gradientShare is the norm of the gradient of a hidden layer's weights at step 0, over what it is in another run: the smallest
// of the layers.
func gradientShare(run, scaled *bnlib.Run) float64 {
	before, after := gradients(run), gradients(scaled)
	least := math.Inf(1)
	for i := range before {
		least = min(least, after[i]/before[i])
	}
	return least
}

// outputShift is the most by which a percentile of a hidden layer's pre-activations, of standard deviation 1, differs between two
// runs at step 0.
func outputShift(run, scaled *bnlib.Run) float64 {
	before, ok := atStart(run)
	after, too := atStart(scaled)
	if !ok || !too || len(before.Signals) != len(after.Signals) {
		return math.NaN()
	}
	most := 0.
	for i, s := range before.Signals {
		if s.Kind != probe.PreActivation {
			continue
		}
		for k, p := range s.Percentiles {
			most = max(most, math.Abs(p-after.Signals[i].Percentiles[k]))
		}
	}
	return most
}

// Statements about one run.

func plainRun(holds func(*bnlib.Run) answer) func(pair) answer {
	return func(p pair) answer { return holds(p.plain) }
}

func bnRun(holds func(*bnlib.Run) answer) func(pair) answer {
	return func(p pair) answer { return holds(p.bn) }
}

func not(holds func(*bnlib.Run) answer) func(*bnlib.Run) answer {
	return func(r *bnlib.Run) answer {
		switch holds(r) {
		case yes:
			return no
		case no:
			return yes
		}
		return unknown
	}
}

func fails(r *bnlib.Run) answer { return answerOf(r.Test < failed) }

func atLeast(number func(*bnlib.Run) float64, least float64) func(*bnlib.Run) answer {
	return func(r *bnlib.Run) answer { return answerOf(number(r) >= least) }
}

func near(value float64) func(*bnlib.Run) answer {
	return func(r *bnlib.Run) answer { return answerOf(math.Abs(r.Test-value) <= around) }
}

func neverAbove(limit float64) func(*bnlib.Run) answer {
	return func(r *bnlib.Run) answer { return answerOf(!(highestValidation(r) > limit)) }
}

func rises(r *bnlib.Run) answer {
	if len(r.Points) < 2 {
		return unknown
	}
	return answerOf(highestValidation(r) >= r.Points[0].Accuracy+clearly)
}

func declines(r *bnlib.Run) answer {
	return answerOf(validationAccuracy(r) <= highestValidation(r)-clearly)
}

func wavers(from, to int) func(*bnlib.Run) answer {
	return func(r *bnlib.Run) answer {
		f := fall(r, from, to)
		if math.IsNaN(f) {
			return unknown
		}
		return answerOf(f >= waver)
	}
}

func reachedBy(step float64) func(*bnlib.Run) answer {
	return func(r *bnlib.Run) answer {
		at, ok := r.Reached(works)
		return answerOf(ok && float64(at) <= step)
	}
}

func reachedAbout(step float64) func(*bnlib.Run) answer {
	return func(r *bnlib.Run) answer {
		at, ok := r.Reached(works)
		return answerOf(ok && math.Abs(float64(at)-step) <= about*step)
	}
}

func reachedEarly(r *bnlib.Run) answer {
	return reachedBy(early * float64(r.Network.Steps))(r)
}

// Statements about a pair.

func bnAbove(number func(*bnlib.Run) float64, by float64) func(pair) answer {
	return func(p pair) answer { return answerOf(number(p.bn)-number(p.plain) > by) }
}

// bnEarlier cannot tell if neither network reaches 90%.
func bnEarlier(p pair) answer {
	bn, bnOk := p.bn.Reached(works)
	plain, plainOk := p.plain.Reached(works)
	if !bnOk && !plainOk {
		return unknown
	}
	return answerOf(bnOk && (!plainOk || bn < plain))
}

func lessVanishing(p pair) answer {
	bn, plain := gradientRatio(p.bn), gradientRatio(p.plain)
	if math.IsNaN(bn) || math.IsNaN(plain) {
		return unknown
	}
	return answerOf(bn > plain)
}

// Numbers as evidence.

func ratio(x float64) string   { return fmt.Sprintf("%.3g", x) }
func integer(x float64) string { return fmt.Sprintf("%.0f", x) }

// numbersOf writes a number of both networks, such as "test .9746 (.9731 to .9760) without, .9801 with".
func numbersOf(name string, write func(float64) string, number func(*bnlib.Run) float64) func(bnlib.Replicates) string {
	return func(r bnlib.Replicates) string {
		return fmt.Sprintf("%s %s without, %s with", name, r.Plain.Each(number).Text(write), r.BatchNorm.Each(number).Text(write))
	}
}

// stepsTo90 writes the step at which 90% was reached, counting a run that never did as infinite.
func stepsTo90(r bnlib.Replicates) string {
	write := func(step float64) string {
		if math.IsInf(step, 1) {
			return "never"
		}
		return integer(step)
	}
	return numbersOf("90% at step", write, func(r *bnlib.Run) float64 {
		if step, ok := r.Reached(works); ok {
			return float64(step)
		}
		return math.Inf(1)
	})(r)
}

func highest(r bnlib.Replicates) string {
	return numbersOf("highest validation", bnlib.FormatAccuracy, highestValidation)(r)
}

func largestFallIn(from, to int) func(bnlib.Replicates) string {
	return numbersOf("largest fall", bnlib.FormatAccuracy, func(r *bnlib.Run) float64 { return fall(r, from, to) })
}

var (
	largestFall          = largestFallIn(0, math.MaxInt)
	largestFallUpTo20000 = largestFallIn(0, 20000)
	largestFallSettled   = largestFallIn(settled, math.MaxInt)
)
