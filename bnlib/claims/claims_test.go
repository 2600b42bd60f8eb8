package claims

import (
	"slices"
	"strings"
	"testing"

	"batchnorm/bnlib"
	"batchnorm/bnlib/probe"
)

// curve is a validation accuracy by the step.
type curve func(step int) float64

// rising goes from 0.1 at step 0 to 0.9 at the given step and on to end at 5 times that.
func rising(to90 int, end float64) curve {
	return func(step int) float64 {
		if step <= to90 {
			return .1 + .8*float64(step)/float64(to90)
		}
		return .9 + (end-.9)*min(float64(step-to90)/float64(4*to90), 1)
	}
}

func flat(a float64) curve { return func(int) float64 { return a } }

// upTo is one curve before a step and another from it on.
func upTo(limit int, before, after curve) curve {
	return func(step int) float64 {
		if step < limit {
			return before(step)
		}
		return after(step)
	}
}

// zigzag jumps between two accuracies.
func zigzag(a, b float64) curve {
	return func(step int) float64 {
		if step/500%2 == 0 {
			return a
		}
		return b
	}
}

// fakeRun is a run of experiment n with a validation curve, which ends with the test accuracy.
func fakeRun(n int, c curve) *bnlib.Run {
	r := &bnlib.Run{Network: bnlib.Network{Experiment: bnlib.Article(n)}, Status: bnlib.Finished, Lockstep: 1, StepsPerSecond: 1000, Losses: []float32{.1}}
	for step := 0; step <= 50000; step += 500 {
		r.Points = append(r.Points, bnlib.Point{Step: step, Accuracy: c(step), Loss: .2})
	}
	r.Test = r.Last().Accuracy
	return r
}

func edited(r *bnlib.Run, edit func(*bnlib.Run)) *bnlib.Run {
	edit(r)
	return r
}

func speed(r *bnlib.Run, perSecond float64) *bnlib.Run {
	return edited(r, func(r *bnlib.Run) { r.StepsPerSecond = perSecond })
}

func gap(r *bnlib.Run, nats float64) *bnlib.Run {
	return edited(r, func(r *bnlib.Run) { r.Points[len(r.Points)-1].Loss = float64(r.Losses[0]) + nats })
}

func gradient(r *bnlib.Run, first float64) *bnlib.Run {
	return edited(r, func(r *bnlib.Run) {
		names := []string{"loss"}
		for _, name := range []string{"hidden_1/dense/weights", "hidden_3/dense/weights"} {
			names = append(names, name+" norm", name+" initial norm", name+" distance", name+" gradient")
		}
		r.Seen = map[string]*probe.History{
			probe.Signals.Name: {Steps: []int{0}, Values: make([][][]float64, 1)},
			probe.Norms.Name:   {Steps: []int{0}, Names: names, Values: [][][]float64{{{.1}, {1}, {1}, {0}, {first}, {1}, {1}, {0}, {1}}}},
		}
	})
}

// group is one seed of some experiments.
type group map[int]pair

// asReported is what a run of each experiment might look like for all that the article says of it to hold.
func asReported() group {
	g := group{
		1: {speed(gap(fakeRun(1, rising(3000, .9774)), .1), 483.61), speed(gap(fakeRun(1, rising(500, .9840)), .05), 329.23)},
		2: {gradient(fakeRun(2, upTo(20000, zigzag(.1, .3), rising(50000, .9))), .001), gradient(fakeRun(2, rising(500, .9746)), 1)},
		3: {fakeRun(3, flat(.0982)), fakeRun(3, rising(500, .9846))},
		4: {gap(fakeRun(4, rising(1000, .9812)), .1), gap(fakeRun(4, rising(500, .9830)), .05)},
		5: {fakeRun(5, flat(.0980)), fakeRun(5, flat(.7728))},
		6: {fakeRun(6, upTo(10000, zigzag(.2, .5), flat(.2897))), fakeRun(6, flat(.8496))},
		7: {fakeRun(7, flat(.0980)), fakeRun(7, upTo(10000, flat(.5), flat(.0974)))},
		8: {fakeRun(8, upTo(10000, zigzag(.2, .5), flat(.0980))), fakeRun(8, flat(.9354))},
	}
	return g
}

// otherwise is asReported with the two networks of every experiment exchanged.
func otherwise() group {
	g := asReported()
	for n, p := range g {
		g[n] = pair{plain: p.bn, bn: p.plain}
	}
	return g
}

// study makes a study of some seeds.
func study(seeds ...group) map[int]bnlib.Replicates {
	s := map[int]bnlib.Replicates{}
	for _, g := range seeds {
		for n, p := range g {
			r := s[n]
			r.Plain, r.BatchNorm = append(r.Plain, p.plain), append(r.BatchNorm, p.bn)
			s[n] = r
		}
	}
	return s
}

func judge(t *testing.T, c Claim, s map[int]bnlib.Replicates) Verdict {
	t.Helper()
	v, err := c.Judge(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// claim finds a claim by the beginning of its text.
func claim(t *testing.T, experiment int, text string) Claim {
	t.Helper()
	for _, c := range ClaimsOf(experiment) {
		if strings.HasPrefix(c.Text, text) {
			return c
		}
	}
	t.Fatalf("no claim of experiment %d begins %q", experiment, text)
	return Claim{}
}

// TestClaimsOfTheArticle judges each claim by runs that look as the article says: of its own observations all hold.
func TestClaimsOfTheArticle(t *testing.T) {
	s := study(asReported(), asReported(), asReported())
	count := map[int]int{}
	for _, c := range Claims {
		count[c.Experiment]++
		v := judge(t, c, s)
		if c.Experiment > 0 && v.Outcome != Confirmed {
			t.Errorf("experiment %d: %s %v: %s", c.Experiment, c.Text, v.Outcome, v.Evidence)
		}
		for _, p := range c.parts {
			if !strings.Contains(v.Evidence, p.says+": in ") {
				t.Errorf("%q: the evidence leaves out %q: %s", c.Text, p.says, v.Evidence)
			}
		}
	}
	for n := 1; n <= 8; n++ {
		if count[n] < 2 || count[n] > 3 {
			t.Errorf("%d claims about experiment %d", count[n], n)
		}
	}
	// The conclusions, by the article's own figures.
	for text, want := range map[string]Outcome{
		"Batch normalization speeds up":                          Confirmed,
		"Batch normalization makes a network robust against its": Partly,
		"Batch normalization makes a network robust against the": Partly,
		"Batch normalization is not affected by the scale":       Contradicted,
		"Batch normalization eases":                              Confirmed,
		"The noise":                                              Confirmed,
	} {
		c := claim(t, 0, text)
		if v := judge(t, c, s); v.Outcome != want {
			t.Errorf("%s %v, want %v: %s", c.Text, v.Outcome, want, v.Evidence)
		}
	}
}

// TestClaimsFlip gives each claim runs that speak against it, in all seeds and in one of three.
func TestClaimsFlip(t *testing.T) {
	with := func(edit func(g group)) group {
		g := asReported()
		edit(g)
		return g
	}
	swapped := otherwise()
	for _, c := range []struct {
		experiment int
		text       string
		against    group
		want       Outcome
	}{
		{1, "Batch normalization gives", swapped, Contradicted},
		{1, "Batch normalization gives", with(func(g group) { g[1].bn.Test = .9500 }), Partly},
		{1, "Batch normalization gives", with(func(g group) { *g[1].bn = *g[1].plain }), Contradicted}, // a tie is not better
		{1, "Batch normalization converges", swapped, Contradicted},
		{1, "Batch normalization converges", with(func(g group) { *g[1].plain = *fakeRun(1, rising(1500, .98)) }), Partly},
		{1, "Without", swapped, Contradicted},
		{1, "Without", with(func(g group) { g[1].bn.StepsPerSecond = 480 }), Contradicted},
		{1, "Without", with(func(g group) { g[1].bn.StepsPerSecond = 460 }), Partly},
		{2, "Batch normalization converges", swapped, Contradicted},
		{2, "Batch normalization converges", with(func(g group) { *g[2].bn = *fakeRun(2, rising(8000, .97)) }), Partly},
		{2, "Without", swapped, Partly}, // the smooth network does not waver, neither early nor late
		{2, "Without", with(func(g group) { *g[2].plain = *fakeRun(2, upTo(20500, flat(.1), zigzag(.3, .5))) }), Contradicted},
		{2, "In the end", swapped, Contradicted},
		{3, "Without", swapped, Contradicted},
		{3, "Without", with(func(g group) { *g[3].plain = *fakeRun(3, upTo(5000, rising(500, .95), flat(.1))) }), Partly},
		{3, "With ", swapped, Partly},
		{3, "With ", with(func(g group) { *g[3].bn = *fakeRun(3, zigzag(.2, .5)) }), Contradicted},
		{4, "Both", with(func(g group) { g[4] = pair{fakeRun(4, flat(.5)), fakeRun(4, flat(.9))} }), Contradicted},
		{4, "Both", with(func(g group) { g[4].plain.Test = .96 }), Partly},
		{4, "Batch normalization still", swapped, Contradicted},
		{4, "Batch normalization still", with(func(g group) { *g[4].bn = *fakeRun(4, rising(500, .98)); *g[4].plain = *fakeRun(4, rising(5000, .98)) }), Partly},
		{5, "Without", swapped, Contradicted},
		{5, "Batch", swapped, Contradicted},
		{5, "Batch", with(func(g group) { g[5].bn.Test = .86 }), Contradicted},
		{6, "Without", with(func(g group) { *g[6].plain = *fakeRun(6, flat(.8)) }), Contradicted},
		{6, "Without", with(func(g group) { g[6].plain.Test = .6 }), Partly},
		{6, "Batch", swapped, Contradicted},
		{7, "With ", with(func(g group) { *g[7].bn = *fakeRun(7, flat(.1)) }), Partly},
		{7, "With ", with(func(g group) { *g[7].bn = *edited(fakeRun(7, flat(.1)), func(r *bnlib.Run) { r.Test = .3 }) }), Contradicted},
		{7, "Without", with(func(g group) { *g[7].plain = *fakeRun(7, rising(500, .9)) }), Contradicted},
		{8, "Batch", swapped, Contradicted},
		{8, "Without", with(func(g group) { *g[8].plain = *fakeRun(8, rising(500, .9)) }), Contradicted},
		{8, "Without", with(func(g group) { *g[8].plain = *fakeRun(8, flat(.1)) }), Partly},
		{0, "Batch normalization speeds", swapped, Contradicted},
		{0, "Batch normalization makes a network robust against its", swapped, Contradicted},
		{0, "Batch normalization eases", swapped, Contradicted},
		{0, "The noise", swapped, Contradicted},
	} {
		got := claim(t, c.experiment, c.text)
		if v := judge(t, got, study(c.against, c.against, c.against)); v.Outcome != c.want {
			t.Errorf("experiment %d: %s %v, want %v: %s", c.experiment, got.Text, v.Outcome, c.want, v.Evidence)
		}
		if v := judge(t, got, study(asReported(), c.against, asReported())); v.Outcome != MatterOfSeed {
			t.Errorf("experiment %d: %s against in one seed of three: %v: %s", c.experiment, got.Text, v.Outcome, v.Evidence)
		}
	}
}

// TestRobustness confirms the two conclusions that the article's own figures do not.
func TestRobustness(t *testing.T) {
	g := asReported()
	for n := range g {
		*g[n].bn = *fakeRun(n, rising(500, .98))
	}
	for _, c := range ClaimsOf(0) {
		if strings.Contains(c.Text, "robust") || strings.Contains(c.Text, "scale") {
			if v := judge(t, c, study(g)); v.Outcome != Confirmed {
				t.Errorf("%s %v: %s", c.Text, v.Outcome, v.Evidence)
			}
		}
	}
}

// TestClaimsUntested gives runs that cannot tell.
func TestClaimsUntested(t *testing.T) {
	g := asReported()
	for _, r := range []*bnlib.Run{g[1].plain, g[1].bn} {
		r.Lockstep = 2
	}
	for _, n := range []int{1, 4} {
		*g[n].plain = *edited(fakeRun(n, flat(.1)), func(r *bnlib.Run) { r.Lockstep = 2 })
	}
	g[2].plain.Points = g[2].plain.Points[:1]
	g[2].plain.Seen = nil
	for text, experiment := range map[string]int{
		"Without batch normalization training makes more": 1,
		"Without batch normalization accuracy wavers":     2,
		"Batch normalization eases":                       0,
		"The noise":                                       0,
	} {
		if v := judge(t, claim(t, experiment, text), study(g)); v.Outcome != Untested || !strings.Contains(v.Evidence, "cannot tell") {
			t.Errorf("%s: %v: %s", text, v.Outcome, v.Evidence)
		}
	}
}

func TestJudgeErrors(t *testing.T) {
	c := claim(t, 1, "Batch normalization gives")
	cancelled := asReported()
	cancelled[1].plain.Status = bnlib.Cancelled
	lone := study(asReported())
	lone[1] = bnlib.Replicates{Plain: lone[1].Plain}
	for want, s := range map[string]map[int]bnlib.Replicates{
		"no experiment 1":                 {},
		"1 runs without and 0 with":       lone,
		"0 runs without and 0 with":       {1: {}},
		"a run of experiment 1 is cancel": study(cancelled),
	} {
		if _, err := c.Judge(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func TestEvidence(t *testing.T) {
	v := judge(t, claim(t, 1, "Batch normalization converges"), study(asReported(), func() group {
		g := asReported()
		*g[1].plain = *fakeRun(1, flat(.5))
		return g
	}()))
	want := "reaches 90% earlier with it: in 2 of 2 seeds (90% at step never (3000 to never) without, 500 with)"
	if !strings.HasPrefix(v.Evidence, want) {
		t.Errorf("evidence %q, want it to begin %q", v.Evidence, want)
	}
	if numbers := claim(t, 0, "Batch normalization is not").Experiments(); !slices.Equal(numbers, []int{1, 2, 3, 4, 5, 6, 7, 8}) {
		t.Errorf("experiments %v", numbers)
	}
}

// TestAgreement holds the rule of nine seeds in ten to its doc, either way.
func TestAgreement(t *testing.T) {
	c := claim(t, 3, "With batch normalization training stays stable")
	for held, want := range map[int]Outcome{0: Contradicted, 1: Contradicted, 2: MatterOfSeed, 8: MatterOfSeed, 9: Confirmed, 10: Confirmed} {
		var seeds []group
		for i := range 10 {
			g := asReported()
			if i >= held {
				p := g[3]
				p.bn = fakeRun(3, zigzag(.1, .5))
				g[3] = p
			}
			seeds = append(seeds, g)
		}
		if v := judge(t, c, study(seeds...)); v.Outcome != want {
			t.Errorf("held in %d seeds of 10: %v, want %v: %s", held, v.Outcome, want, v.Evidence)
		}
	}
}
