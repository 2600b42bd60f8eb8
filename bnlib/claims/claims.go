// Package claims holds what the article says of its experiments against runs of them.
package claims

import (
	"fmt"
	"math"
	"slices"

	"batchnorm/bnlib"
)

// Claim is something that the article says, in words of our own, with a test of it.
type Claim struct {
	Experiment int    // its number, or 0 for one of the article's conclusions
	Text       string // what the article says
	Reported   string // the article's figures, without / with batch normalization; "" if it gives none
	parts      []part
}

// Experiments returns the experiments, by their numbers, whose runs the claim is judged by.
func (c Claim) Experiments() []int {
	var numbers []int
	for _, p := range c.parts {
		numbers = append(numbers, p.experiments...)
	}
	slices.Sort(numbers)
	return slices.Compact(numbers)
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
// as a reduced internal covariate shift, is not among them: runs cannot test it.
var Claims = []Claim{
	{1, "Batch normalization gives a slightly better accuracy.", reportedAccuracies(1), []part{
		on(1, "test accuracy is higher with it", bnAbove(testAccuracy, tie), numbersOf("test", bnlib.FormatAccuracy, testAccuracy)),
		on(1, "validation accuracy is higher with it", bnAbove(validationAccuracy, tie), numbersOf("validation", bnlib.FormatAccuracy, validationAccuracy)),
	}},
	{1, "Batch normalization converges faster: 90% on the validation images by step 500, against 3000 without.", "90% at 3000 / 500", []part{
		on(1, "reaches 90% earlier with it", bnEarlier, stepsTo90),
		on(1, "with it, by step 500", bnRun(reachedBy(500)), stepsTo90),
		on(1, "without it, at about step 3000", plainRun(reachedAbout(3000)), stepsTo90),
	}},
	{1, "Without batch normalization training makes more steps per second, by nearly a half.", "483.61 / 329.23 steps/s", []part{
		on(1, "more steps per second without it, by 2% or more", bnSlower(slower), stepsPerSecond),
		on(1, "by 25% or more", bnSlower(muchSlower), stepsPerSecond),
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
		on(4, "they differ by at most 0.005", func(p pair) answer { return answerOf(math.Abs(p.bn.Test-p.plain.Test) <= veryClose) }, numbersOf("test", bnlib.FormatAccuracy, testAccuracy)),
	}},
	{4, "Batch normalization still converges faster: 90% at about step 500, against about 1000 without.", "90% at about 1000 / 500", []part{
		on(4, "reaches 90% earlier with it", bnEarlier, stepsTo90),
		on(4, "with it, by about step 500", bnRun(reachedBy(500*(1+about))), stepsTo90),
		on(4, "without it, at about step 1000", plainRun(reachedAbout(1000)), stepsTo90),
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
		on(1, "experiment 1: reaches 90% earlier with it", bnEarlier, stepsTo90),
		on(2, "experiment 2: too", bnEarlier, stepsTo90),
		on(4, "experiment 4: too", bnEarlier, stepsTo90),
	}},
	{0, "Batch normalization makes a network robust against its parameters, initial weights and learning rate.", "", []part{
		onWorks(3), onWorks(5), onWorks(6), onWorks(7), onWorks(8),
	}},
	{0, "Batch normalization makes a network robust against the choice of activation function.", "", []part{
		onAlike("ReLU and sigmoid", 1, 2), onAlike("ReLU and sigmoid", 3, 4), onAlike("ReLU and sigmoid", 5, 6), onAlike("ReLU and sigmoid", 7, 8),
	}},
	{0, "Batch normalization is not affected by the scale of the weights.", "", []part{
		onAlike("std 0.05 and 10", 1, 5), onAlike("std 0.05 and 10", 2, 6), onAlike("std 0.05 and 10", 3, 7), onAlike("std 0.05 and 10", 4, 8),
	}},
	{0, "Batch normalization eases vanishing gradients.", "", []part{
		on(2, "at step 0 the gradient of the first layer, relative to that of the last hidden one, is larger with it", lessVanishing,
			numbersOf("first / last gradient", ratio, gradientRatio)),
	}},
	{0, "The noise of the minibatch's statistics regularizes.", "", []part{
		on(1, "experiment 1: validation loss is less above the training loss with it", smallerGap, numbersOf("gap in nats", ratio, generalizationGap)),
		on(4, "experiment 4: too", smallerGap, numbersOf("gap in nats", ratio, generalizationGap)),
	}},
}

func reportedAccuracies(n int) string {
	r := bnlib.ArticleReported[n]
	return fmt.Sprintf("test %s / %s, validation %s / %s",
		bnlib.FormatAccuracy(r.PlainTest), bnlib.FormatAccuracy(r.BatchNormTest), bnlib.FormatAccuracy(r.PlainValidation), bnlib.FormatAccuracy(r.BatchNormValidation))
}

// on is a part that one experiment decides.
func on(n int, says string, holds func(pair) answer, numbers func(bnlib.Replicates) string) part {
	return part{
		says:        says,
		experiments: []int{n},
		holds:       func(pairs map[int]pair) answer { return holds(pairs[n]) },
		numbers:     func(study map[int]bnlib.Replicates) string { return numbers(study[n]) },
	}
}

func failsFromTheStart(n int) []part {
	return []part{
		on(n, "without it, test accuracy ends below 0.2", plainRun(fails), numbersOf("test", bnlib.FormatAccuracy, testAccuracy)),
		on(n, "and validation accuracy never exceeds it", plainRun(neverAbove(failed)), highest),
	}
}

func onWorks(n int) part {
	return on(n, fmt.Sprintf("experiment %d: with it, test accuracy is 0.9 or more", n), bnRun(atLeast(testAccuracy, works)), numbersOf("test", bnlib.FormatAccuracy, testAccuracy))
}

// onAlike says that two settings give the network with batch normalization the same accuracy.
func onAlike(settings string, a, b int) part {
	return part{
		says:        fmt.Sprintf("experiments %d and %d: with %s, test accuracy differs by at most 0.02", a, b, settings),
		experiments: []int{a, b},
		holds: func(pairs map[int]pair) answer {
			return answerOf(math.Abs(pairs[a].bn.Test-pairs[b].bn.Test) <= alike)
		},
		numbers: func(study map[int]bnlib.Replicates) string {
			return fmt.Sprintf("test %v and %v", study[a].BatchNorm.Test(), study[b].BatchNorm.Test())
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

// gradientRatio is the norm of the gradient of the first layer's weights over that of the last hidden layer's, at step 0.
func gradientRatio(r *bnlib.Run) float64 {
	snapshots := r.Snapshots()
	if len(snapshots) == 0 || snapshots[0].Step != 0 {
		return math.NaN()
	}
	gradient := func(layer int) float64 {
		for _, p := range snapshots[0].Parameters {
			if p.Name == fmt.Sprintf("hidden_%d/dense/weights", layer) {
				return p.Gradient
			}
		}
		return math.NaN()
	}
	return gradient(1) / gradient(len(r.Network.Hidden))
}

// generalizationGap is the last validation loss less the mean training loss of the last 1000 steps, in nats.
func generalizationGap(r *bnlib.Run) float64 {
	last := r.Losses[max(len(r.Losses)-1000, 0):]
	mean := 0.0
	for _, loss := range last {
		mean += float64(loss) / float64(len(last))
	}
	return r.Last().Loss - mean
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

// bnSlower cannot tell if a network was trained in lockstep with others, since then all made their steps at one rate.
func bnSlower(by float64) func(pair) answer {
	return func(p pair) answer {
		if p.plain.Lockstep != 1 || p.bn.Lockstep != 1 {
			return unknown
		}
		return answerOf(p.plain.StepsPerSecond >= (1+by)*p.bn.StepsPerSecond)
	}
}

func lessVanishing(p pair) answer {
	bn, plain := gradientRatio(p.bn), gradientRatio(p.plain)
	if math.IsNaN(bn) || math.IsNaN(plain) {
		return unknown
	}
	return answerOf(bn > plain)
}

// smallerGap cannot tell if a network has not learned: one that fits nothing has no gap.
func smallerGap(p pair) answer {
	if p.plain.Test < works || p.bn.Test < works {
		return unknown
	}
	return answerOf(generalizationGap(p.bn) < generalizationGap(p.plain))
}

// Numbers as evidence.

func ratio(x float64) string { return fmt.Sprintf("%.3g", x) }
func whole(x float64) string { return fmt.Sprintf("%.0f", x) }

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
		return whole(step)
	}
	return numbersOf("90% at step", write, func(r *bnlib.Run) float64 {
		if step, ok := r.Reached(works); ok {
			return float64(step)
		}
		return math.Inf(1)
	})(r)
}

func stepsPerSecond(r bnlib.Replicates) string {
	return numbersOf("steps per second", whole, func(r *bnlib.Run) float64 { return r.StepsPerSecond })(r)
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
