package claims

import (
	"fmt"
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
	r := &bnlib.Run{Network: bnlib.Network{Experiment: bnlib.Article(n)}, Status: bnlib.Finished}
	for step := 0; step <= 50000; step += 500 {
		r.Points = append(r.Points, bnlib.Point{Step: step, Accuracy: c(step)})
	}
	r.Test = r.Last().Accuracy
	return r
}

// fakePair is fakeRun twice.
func fakePair(n int, plain, bn curve) pair { return pair{fakeRun(n, plain), fakeRun(n, bn)} }

// closeUps is the pair of the close-up of experiment n.
func closeUps(n int, plain, bn curve) pair {
	of := func(c curve) *bnlib.Run {
		r := &bnlib.Run{Network: bnlib.Network{Experiment: source{n, closeUp}.experiment()}}
		for step := 0; step <= 3000; step += 50 {
			r.Points = append(r.Points, bnlib.Point{Step: step, Accuracy: c(step)})
		}
		return r
	}
	return pair{of(plain), of(bn)}
}

func edited(r *bnlib.Run, edit func(*bnlib.Run)) *bnlib.Run {
	edit(r)
	return r
}

// seen gives a run what hooks see at step 0: the gradient of the first layer, that of the others being 1, and where the percentiles
// of pre-activations are, from -2 to 2 and shifted.
func seen(r *bnlib.Run, first, others, shift float64) *bnlib.Run {
	return edited(r, func(r *bnlib.Run) {
		norms := &probe.History{Steps: []int{0}, Names: []string{"loss"}, Values: [][][]float64{{{.1}}}}
		signals := &probe.History{Steps: []int{0}, Values: [][][]float64{{}}}
		record := func(h *probe.History, name string, values ...float64) {
			h.Names, h.Values[0] = append(h.Names, name), append(h.Values[0], values)
		}
		for i, gradient := range []float64{first, others, others} {
			layer := fmt.Sprintf("hidden_%d", i+1)
			for _, what := range []string{" norm", " initial norm"} {
				record(norms, layer+"/dense/weights"+what, 1)
			}
			record(norms, layer+"/dense/weights distance", 0)
			record(norms, layer+"/dense/weights gradient", gradient)
			record(signals, layer+" pre-activation", append([]float64{500, 128, 0, 1, shift - 2, shift - 1, shift, shift + 1, shift + 2, -3, 3, 0, 0, 0},
				make([]float64, probe.HistogramBins)...)...)
			record(signals, layer+" pre-activation across images", 1, 0)
		}
		r.Seen = map[string]*probe.History{probe.Signals.Name: signals, probe.Norms.Name: norms}
	})
}

// group is one seed of some experiments.
type group map[source]pair

// of is an experiment of a group as a whole.
func (g group) of(n int) pair { return g[source{n, whole}] }

// curves makes the runs of experiment n, and its close-up if claims need it, to be these.
func (g group) curves(n int, plain, bn curve) {
	g[source{n, whole}] = fakePair(n, plain, bn)
	if _, ok := g[source{n, closeUp}]; ok {
		g[source{n, closeUp}] = closeUps(n, plain, bn)
	}
}

// asReported is what a run of each experiment might look like for all that the article says of it to hold.
func asReported() group {
	g := group{source{1, closeUp}: {}, source{4, closeUp}: {}}
	g.curves(1, rising(3000, .9774), rising(500, .9840))
	g.curves(2, upTo(20000, zigzag(.1, .3), rising(50000, .9)), rising(500, .9746))
	g.curves(3, flat(.0982), rising(500, .9846))
	g.curves(4, rising(1000, .9812), rising(500, .9830))
	g.curves(5, flat(.0980), flat(.7728))
	g.curves(6, upTo(10000, zigzag(.2, .5), flat(.2897)), flat(.8496))
	g.curves(7, flat(.0980), upTo(10000, flat(.5), flat(.0974)))
	g.curves(8, upTo(10000, zigzag(.2, .5), flat(.0980)), flat(.9354))
	for n := 1; n <= 2; n++ {
		seen(g.of(n).plain, .001, 1, 0)
		seen(g.of(n).bn, 1, 1, 0)
		g[source{n, scaled}] = fakePair(n, flat(.1), flat(.1))
		seen(g[source{n, scaled}].plain, 1, 1, 0)
		seen(g[source{n, scaled}].bn, .005, .005, .01)
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
func study(seeds ...group) Study {
	all := map[source]bnlib.Replicates{}
	for _, g := range seeds {
		for of, p := range g {
			r := all[of]
			r.Experiment = of.experiment()
			r.Plain, r.BatchNorm = append(r.Plain, p.plain), append(r.BatchNorm, p.bn)
			all[of] = r
		}
	}
	s := Study{Article: map[int]bnlib.Replicates{}}
	for of, r := range all {
		if of.kind == whole {
			s.Article[of.number] = r
		} else {
			s.Others = append(s.Others, r)
		}
	}
	return s
}

func judge(t *testing.T, c Claim, s Study) Verdict {
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
		if want := wanted(c); c.Experiment > 0 && v.Outcome != want {
			t.Errorf("experiment %d: %s %v, want %v: %s", c.Experiment, c.Text, v.Outcome, want, v.Evidence)
		}
		for _, p := range c.parts {
			if !strings.Contains(v.Evidence, p.says+": in ") && !strings.Contains(v.Evidence, p.says+": "+p.why) {
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
		"Batch normalization speeds up":                                          Confirmed,
		"Batch normalization makes a network robust against its":                 Partly,
		"Batch normalization makes a network robust against the":                 Partly,
		"Batch normalization is not affected by the scale of the weights: the o": Confirmed,
		"Batch normalization is not affected by the scale of the weights: the g": Contradicted,
		"Batch normalization is not affected by the scale of the weights: how":   Contradicted,
		"Batch normalization eases":                                              Confirmed,
		"The noise":                                                              Untested,
	} {
		c := claim(t, 0, text)
		if v := judge(t, c, s); v.Outcome != want {
			t.Errorf("%s %v, want %v: %s", c.Text, v.Outcome, want, v.Evidence)
		}
	}
}

// wanted is what a study makes of a claim about an experiment if all that it can tell holds.
func wanted(c Claim) Outcome {
	if slices.ContainsFunc(c.parts, func(p part) bool { return p.why == "" }) {
		return Confirmed
	}
	return Untested
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
		{1, "Batch normalization gives", with(func(g group) { g.of(1).bn.Test = .9500 }), Partly},
		{1, "Batch normalization gives", with(func(g group) { *g.of(1).bn = *g.of(1).plain }), Contradicted}, // a tie is not better
		{1, "Batch normalization converges", swapped, Contradicted},
		{1, "Batch normalization converges", with(func(g group) { g.curves(1, rising(1500, .98), rising(500, .9840)) }), Partly},
		{2, "Batch normalization converges", swapped, Contradicted},
		{2, "Batch normalization converges", with(func(g group) { *g.of(2).bn = *fakeRun(2, rising(8000, .97)) }), Partly},
		{2, "Without", swapped, Partly}, // the smooth network does not waver, neither early nor late
		{2, "Without", with(func(g group) { *g.of(2).plain = *fakeRun(2, upTo(20500, flat(.1), zigzag(.3, .5))) }), Contradicted},
		{2, "In the end", swapped, Contradicted},
		{3, "Without", swapped, Contradicted},
		{3, "Without", with(func(g group) { *g.of(3).plain = *fakeRun(3, upTo(5000, rising(500, .95), flat(.1))) }), Partly},
		{3, "With ", swapped, Partly},
		{3, "With ", with(func(g group) { *g.of(3).bn = *fakeRun(3, zigzag(.2, .5)) }), Contradicted},
		{4, "Both", with(func(g group) { g.curves(4, flat(.5), flat(.9)) }), Contradicted},
		{4, "Both", with(func(g group) { g.of(4).plain.Test = .96 }), Partly},
		{4, "Batch normalization still", swapped, Contradicted},
		{4, "Batch normalization still", with(func(g group) { g.curves(4, rising(5000, .98), rising(500, .98)) }), Partly},
		{5, "Without", swapped, Contradicted},
		{5, "Batch", swapped, Contradicted},
		{5, "Batch", with(func(g group) { g.of(5).bn.Test = .86 }), Contradicted},
		{6, "Without", with(func(g group) { *g.of(6).plain = *fakeRun(6, flat(.8)) }), Contradicted},
		{6, "Without", with(func(g group) { g.of(6).plain.Test = .6 }), Partly},
		{6, "Batch", swapped, Contradicted},
		{7, "With ", with(func(g group) { *g.of(7).bn = *fakeRun(7, flat(.1)) }), Partly},
		{7, "With ", with(func(g group) { *g.of(7).bn = *edited(fakeRun(7, flat(.1)), func(r *bnlib.Run) { r.Test = .3 }) }), Contradicted},
		{7, "Without", with(func(g group) { *g.of(7).plain = *fakeRun(7, rising(500, .9)) }), Contradicted},
		{8, "Batch", swapped, Contradicted},
		{8, "Without", with(func(g group) { *g.of(8).plain = *fakeRun(8, rising(500, .9)) }), Contradicted},
		{8, "Without", with(func(g group) { *g.of(8).plain = *fakeRun(8, flat(.1)) }), Partly},
		{0, "Batch normalization speeds", swapped, Contradicted},
		{0, "Batch normalization makes a network robust against its", swapped, Contradicted},
		{0, "Batch normalization eases", swapped, Contradicted},
		{0, "Batch normalization is not affected by the scale of the weights: the o", with(func(g group) { seen(g[source{1, scaled}].bn, 1, 1, .5); seen(g[source{2, scaled}].bn, 1, 1, .5) }), Contradicted},
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
	for of := range g {
		if of.kind == whole {
			*g[of].bn = *fakeRun(of.number, rising(500, .98))
		}
	}
	for _, c := range ClaimsOf(0) {
		if strings.Contains(c.Text, "robust") || strings.Contains(c.Text, "how well") {
			if v := judge(t, c, study(g)); v.Outcome != Confirmed {
				t.Errorf("%s %v: %s", c.Text, v.Outcome, v.Evidence)
			}
		}
	}
}

// TestClaimsUntested gives runs that cannot tell.
func TestClaimsUntested(t *testing.T) {
	g := asReported()
	for n := 1; n <= 2; n++ {
		g.of(n).plain.Points = g.of(n).plain.Points[:1]
		g.of(n).plain.Seen, g.of(n).bn.Seen = nil, nil
	}
	for text, experiment := range map[string]int{
		"Without batch normalization training makes more":                        1,
		"Without batch normalization accuracy wavers":                            2,
		"Batch normalization eases":                                              0,
		"Batch normalization is not affected by the scale of the weights: the o": 0,
		"Batch normalization is not affected by the scale of the weights: the g": 0,
		"The noise": 0,
	} {
		if v := judge(t, claim(t, experiment, text), study(g)); v.Outcome != Untested || strings.Contains(v.Evidence, "seeds") {
			t.Errorf("%s: %v: %s", text, v.Outcome, v.Evidence)
		}
	}
}

func TestJudgeErrors(t *testing.T) {
	c := claim(t, 1, "Batch normalization gives")
	cancelled := asReported()
	cancelled.of(1).plain.Status = bnlib.Cancelled
	lone := study(asReported())
	lone.Article[1] = bnlib.Replicates{Plain: lone.Article[1].Plain}
	for want, s := range map[string]Study{
		"no experiment 1":                 {},
		"1 runs without and 0 with":       lone,
		"0 runs without and 0 with":       {Article: map[int]bnlib.Replicates{1: {}}},
		"a run of experiment 1 is cancel": study(cancelled),
	} {
		if _, err := c.Judge(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	s := study(asReported())
	s.Others = nil
	if _, err := claim(t, 4, "Batch normalization still").Judge(s); err == nil || !strings.Contains(err.Error(), "no close-up of experiment 4") {
		t.Errorf("error %v", err)
	}
}

// TestCovers says which claims a study can judge, and what it takes to judge all.
func TestCovers(t *testing.T) {
	var names []string
	for _, e := range Others() {
		names = append(names, e.Name)
	}
	want := []string{"Experiment 1, close-up", "Experiment 4, close-up", "Experiment 1, hidden weights × 200", "Experiment 2, hidden weights × 200"}
	if !slices.Equal(names, want) {
		t.Errorf("others %q, want %q", names, want)
	}
	s := study(asReported())
	for _, c := range Claims {
		if !s.Covers(c) {
			t.Errorf("%s cannot be judged", c.Text)
		}
	}
	four := Study{Article: map[int]bnlib.Replicates{4: s.Article[4]}}
	near, covered := claim(t, 4, "Batch normalization still"), []string{}
	if four.Covers(near) {
		t.Errorf("%s is judged without the close-up", near.Text)
	}
	four.Others = []bnlib.Replicates{{Experiment: bnlib.Article(4)}, {Experiment: bnlib.Article(1)}}
	four.Others[1].Experiment.Steps, four.Others[1].Experiment.Every = 3000, 50
	if four.Covers(near) {
		t.Errorf("%s is judged by the close-up of another experiment", near.Text)
	}
	closer := bnlib.Article(4)
	closer.Name, closer.Seed, closer.Steps, closer.Every = "as a page calls it", 7, 3000, 50
	four.Others = append(four.Others, bnlib.Replicates{Experiment: closer})
	for _, c := range Claims {
		if four.Covers(c) {
			covered = append(covered, c.Text)
		}
	}
	if len(covered) != 2 || covered[1] != near.Text {
		t.Errorf("covered: %q", covered)
	}
}

// TestClosely takes the step of 90% from the close-up, and what lies beyond it from the whole.
func TestClosely(t *testing.T) {
	g := asReported()
	g.curves(1, rising(3200, .98), rising(410, .98))
	v := judge(t, claim(t, 1, "Batch normalization converges"), study(g))
	if v.Outcome != Confirmed || !strings.Contains(v.Evidence, "(90% at step 3500 without, 450 with)") {
		t.Errorf("%v: %s", v.Outcome, v.Evidence)
	}
	g.curves(4, rising(1100, .98), rising(300, .98))
	v = judge(t, claim(t, 4, "Batch normalization still"), study(g))
	if v.Outcome != Confirmed || !strings.Contains(v.Evidence, "(90% at step 1100 without, 300 with)") {
		t.Errorf("%v: %s", v.Outcome, v.Evidence)
	}
}

func TestEvidence(t *testing.T) {
	v := judge(t, claim(t, 1, "Batch normalization converges"), study(asReported(), func() group {
		g := asReported()
		g.curves(1, flat(.5), rising(500, .9840))
		return g
	}()))
	want := "reaches 90% earlier with it: in 2 of 2 seeds (90% at step never (3000 to never) without, 500 with)"
	if !strings.HasPrefix(v.Evidence, want) {
		t.Errorf("evidence %q, want it to begin %q", v.Evidence, want)
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
				*g.of(3).bn = *fakeRun(3, zigzag(.1, .5))
			}
			seeds = append(seeds, g)
		}
		if v := judge(t, c, study(seeds...)); v.Outcome != want {
			t.Errorf("held in %d seeds of 10: %v, want %v: %s", held, v.Outcome, want, v.Evidence)
		}
	}
}
