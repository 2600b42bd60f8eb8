package claims

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"batchnorm/bnlib"
)

// Outcome is what runs make of a claim.
type Outcome int

const (
	Untested     Outcome = iota // the runs cannot tell: too short, without snapshots, or of another kind
	Confirmed                   // holds, in each of its parts and nearly every seed
	Contradicted                // does not hold, in none of its parts and hardly any seed
	Partly                      // some of its parts hold and others don't, whatever the seed
	MatterOfSeed                // holds, in one of its parts at least, with some seeds and not with others
)

func (o Outcome) String() string {
	switch o {
	case Untested:
		return "untested"
	case Confirmed:
		return "confirmed"
	case Contradicted:
		return "contradicted"
	case Partly:
		return "partly"
	case MatterOfSeed:
		return "a matter of seed"
	}
	return fmt.Sprintf("Outcome(%d)", int(o))
}

// Verdict is what runs say about a claim.
type Verdict struct {
	Outcome  Outcome
	Evidence string // a line for each part of the claim: in how many seeds it holds, and the numbers, as median (smallest to largest)
}

// The thresholds of all verdicts. Accuracies are in [0, 1].
const (
	// agreement is the share of seeds in which a part of a claim must hold to count as true, or fail to count as false. With
	// fewer than ten seeds that is all of them.
	agreement = 0.9

	// tie is the difference up to which two accuracies are taken as equal: the rounding of another processor moves one by some
	// ten-thousandths. What is more may still be chance in one seed, and is not if it has the same sign in all.
	tie = 0.001
	// veryClose is the difference up to which two accuracies are "very close".
	veryClose = 0.01
	// alike is the difference up to which two settings make no difference that matters.
	alike = 0.02
	// clearly is the difference from which on an accuracy is clearly above another.
	clearly = 0.05
	// around is how far "close to 80%" may be from 0.8.
	around = 0.05

	// works is the accuracy at which a network has learned its task; it is the article's own mark of convergence.
	works = 0.9
	// good is the accuracy from which on a network does "very well" on MNIST.
	good = 0.97
	// begun is the accuracy that a network which fails from the start never sees.
	begun = 0.5
	// failed is the accuracy below which a network has learned nothing; the commonest class alone gives 0.1135.
	failed = 0.2
	// waver is the fall in validation accuracy from one evaluation to the next that counts as wavering.
	waver = 0.05

	// about is how far "at about step 1000" may be from 1000, relative to it.
	about = 1. / 3
	// settled is the step by which what settles "after step 20000", which is about when, has settled.
	settled = 20000 * 4 / 3
	// early is the share of the steps within which a network converges "very fast".
	early = 0.1
	// unmoved is the most by which a percentile of normalized values may move, in standard deviations, and the values be the
	// same but for epsilon, which weighs less where the variance is larger.
	unmoved = 0.2
	// half is the share of a gradient's size from which on it is of that size.
	half = 0.5
)

// answer is whether a statement holds in one seed.
type answer int

const (
	unknown answer = iota
	no
	yes
)

func answerOf(holds bool) answer {
	if holds {
		return yes
	}
	return no
}

// part is one statement of a claim, which can be tested in each seed.
type part struct {
	says    string
	needs   []source
	holds   func(pairs map[source]pair) answer
	numbers func(study map[source]bnlib.Replicates) string
	why     string // these runs cannot tell; "": for lack of something
}

// pair is the two runs of an experiment with one seed.
type pair struct{ plain, bn *bnlib.Run }

// Judge returns what runs say about the claim. The study must hold what the claim needs, see Study.Covers, with one run or more
// of both networks, and the runs must be done.
//
// Each part of the claim is tested in each seed. A part is true if it holds in nine of ten seeds, false if it fails in nine of
// ten, else it depends on the seed. The claim is Confirmed if all parts are true, Contradicted if all are false,
// MatterOfSeed if one depends on the seed, else Partly. A part that the runs cannot test is left out.
func (c Claim) Judge(s Study) (Verdict, error) {
	study := map[source]bnlib.Replicates{}
	for _, of := range c.needs() {
		r, ok := s.find(of)
		if !ok {
			return Verdict{}, fmt.Errorf("claims: Judge: study has no %v; allowed: with all that the claim needs", of)
		}
		if len(r.Plain) == 0 || len(r.Plain) != len(r.BatchNorm) {
			return Verdict{}, fmt.Errorf("claims: Judge: %v has %d runs without and %d with batch normalization; allowed: as many, one or more",
				of, len(r.Plain), len(r.BatchNorm))
		}
		for _, run := range slices.Concat(r.Plain, r.BatchNorm) {
			if run == nil {
				return Verdict{}, fmt.Errorf("claims: Judge: a run of %v is nil; allowed: runs that are done", of)
			}
			if run.Status.Early() {
				return Verdict{}, fmt.Errorf("claims: Judge: a run of %v is %s; allowed: runs that are done", of, run.Status)
			}
		}
		study[of] = r
	}
	var evidence []string
	var isTrue, isFalse, isMixed int
	for _, p := range c.parts {
		held, known := p.count(study)
		text := fmt.Sprintf("%s: in %d of %d seeds", p.says, held, known)
		if known == 0 {
			evidence = append(evidence, p.says+": "+cmp.Or(p.why, "these runs cannot tell"))
			continue
		}
		switch share := float64(held) / float64(known); {
		case share >= agreement:
			isTrue++
		case share <= 1-agreement:
			isFalse++
		default:
			isMixed++
		}
		evidence = append(evidence, text+" ("+p.numbers(study)+")")
	}
	v := Verdict{Evidence: strings.Join(evidence, ";\n")}
	switch {
	case isTrue+isFalse+isMixed == 0:
		v.Outcome = Untested
	case isMixed > 0:
		v.Outcome = MatterOfSeed
	case isFalse == 0:
		v.Outcome = Confirmed
	case isTrue == 0:
		v.Outcome = Contradicted
	default:
		v.Outcome = Partly
	}
	return v, nil
}

// count returns in how many seeds the part holds, and in how many it could be tested. Of experiments with different numbers
// of seeds, the seeds that all have count.
func (p part) count(study map[source]bnlib.Replicates) (held, known int) {
	seeds := math.MaxInt
	for _, of := range p.needs {
		seeds = min(seeds, len(study[of].Plain))
	}
	for i := range seeds {
		pairs := map[source]pair{}
		for _, of := range p.needs {
			pairs[of] = pair{study[of].Plain[i], study[of].BatchNorm[i]}
		}
		switch p.holds(pairs) {
		case yes:
			held++
			known++
		case no:
			known++
		}
	}
	return held, known
}
