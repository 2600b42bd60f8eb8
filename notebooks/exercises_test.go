package main

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const exercisesPage = "30_exercises"

// exercise is a cell of the page with the solution that is folded above it.
type exercise struct {
	title, solution, output string
}

var (
	titled = regexp.MustCompile(`(?m)^### \d+ · (.+)$`)
	solved = regexp.MustCompile("(?s)<summary>The solution</summary>\n\n```go\n(.*?)\n```")
)

// exercises returns those of the page, in their order, and all its code cells.
func exercises(t *testing.T, w *workbook) (all []exercise, code []string) {
	t.Helper()
	books := committed(t, w)
	at := slices.IndexFunc(books, func(b committedBook) bool { return b.name == exercisesPage })
	if at < 0 {
		t.Fatalf("there is no page %s", exercisesPage)
	}
	for i, c := range books[at].Cells {
		if c.Type == "code" {
			code = append(code, string(c.Source))
			continue
		}
		title, solution := titled.FindStringSubmatch(string(c.Source)), solved.FindStringSubmatch(string(c.Source))
		if title == nil {
			continue
		}
		if solution == nil || i+1 == len(books[at].Cells) || books[at].Cells[i+1].Type != "code" {
			t.Fatalf("cell %d, %s: no solution is folded in it, or no cell follows to be filled", i+1, title[1])
		}
		all = append(all, exercise{title[1], solution[1], strings.Join(texts(books[at].Cells[i+1]), "\n")})
	}
	return all, code
}

// On the committed page nothing is answered yet, and its checks say so.
func TestExercisesAreOpen(t *testing.T) {
	all, _ := exercises(t, testWorkbook(t))
	if len(all) < 15 {
		t.Errorf("%d exercises, want 15 or more", len(all))
	}
	for _, e := range all {
		if !strings.HasPrefix(e.output, "not answered: ") {
			t.Errorf("%s: the page says %q, want that it is not answered", e.title, e.output)
		}
	}
}

// wrongAnswers are some to each exercise, by its title, and words that the check says of them, which lead on.
var wrongAnswers = map[string][]struct{ answer, says string }{
	"Normalize a batch": {
		{`func normalize(x *Node) *Node { return ReduceAndKeep(x, ReduceMean, 0) }`, "its shape is [1, 3]; wanted: [5, 3]"},
		{`func normalize(x *Node) *Node {
			c := Sub(x, ReduceAndKeep(x, ReduceMean, 0))
			return Div(c, Sqrt(ReduceAndKeep(Square(c), ReduceMean, 0)))
		}`, "5 of 15 elements are no finite numbers, the first at [0, 2]"},
		{`func normalize(x *Node) *Node {
			c := Sub(x, ReduceAndKeep(x, ReduceMean, -1))
			return Div(c, Sqrt(AddScalar(ReduceAndKeep(Square(c), ReduceMean, -1), bnlib.Epsilon)))
		}`, "right for the other axis"},
		{`func normalize(x *Node) *Node { return Dot(x, x).MatMul() }`, "your function cannot be run: "},
	},
	"Count": {
		{`func parameters(inputs, units int) (trained, kept int) { return inputs*units + 3*units, 2 * units }`, "what would a bias in front of the normalization do?"},
		{`func parameters(inputs, units int) (trained, kept int) { return inputs*units + 4*units, 0 }`, "Does a gradient move the moving averages?"},
	},
	"What epsilon does": {
		{`func spread(variance float64) float64 { return variance / (variance + bnlib.Epsilon) }`, "That is the variance of x̂"},
		{`func spread(variance float64) float64 { return 1 }`, "It would be right without epsilon"},
	},
	"Moving averages": {
		{`func averages(mean, variance float64, x []float64) (newMean, newVariance float64) { return 0.01*mean + 0.99*x[0], variance }`, "0 of 4 parts right"},
		{`func averages(mean, variance float64, x []float64) (newMean, newVariance float64) {
			m, v := 0.0, 0.0
			for _, x := range x {
				m += x / 4
			}
			for i := range x {
				v += (x[i] - m) * (x[i] - m) / 3
			}
			return 0.99*mean + 0.01*m, 0.99*variance + 0.01*v
		}`, "divided by m − 1 here"},
		{`func averages(mean, variance float64, x []float64) (newMean, newVariance float64) { return x[4], 0 }`, "index out of range [4] with length 4"},
	},
	"Inference": {
		{`func inference(x, gamma, beta, mean, variance *Node) *Node {
			mean, variance = bnlib.BatchStatistics(x)
			return bnlib.Normalize(x, gamma, beta, mean, variance, bnlib.Epsilon)
		}`, "These are the batch's own statistics"},
		{`func inference(x, gamma, beta, mean, variance *Node) *Node { return bnlib.Normalize(x, gamma, beta, mean, variance, 0) }`, "Epsilon is lacking"},
	},
	"The other axis: layer norm": {
		{`func layerNorm(x, gamma, beta *Node) *Node {
			mean, variance := bnlib.BatchStatistics(x)
			return bnlib.Normalize(x, gamma, beta, mean, variance, bnlib.Epsilon)
		}`, "This is batch normalization still"},
		{`func layerNorm(x, gamma, beta *Node) *Node {
			x = Transpose(x, 0, 1)
			mean, variance := bnlib.BatchStatistics(x)
			return Transpose(bnlib.Normalize(x, gamma, beta, mean, variance, bnlib.Epsilon), 0, 1)
		}`, "each image has a gamma and a beta here"},
	},
	"Ghost batch norm": {
		{`func ghostNorm(x *Node, size int) *Node {
			mean, variance := bnlib.BatchStatistics(x)
			return bnlib.Normalize(x, OnesLike(mean), ZerosLike(mean), mean, variance, bnlib.Epsilon)
		}`, "The whole batch is normalized together"},
		{`func ghostNorm(x *Node, size int) *Node {
			groups := Reshape(x, size, -1, x.Shape().Dim(1))
			c := Sub(groups, ReduceAndKeep(groups, ReduceMean, 0))
			return Reshape(Div(c, Sqrt(AddScalar(ReduceAndKeep(Square(c), ReduceMean, 0), bnlib.Epsilon))), x.Shape().Dimensions...)
		}`, "wanted: neighbours"},
	},
	"The backward pass": {
		{`func backward(dy, normalized, gamma, sigma *Node) (dx, dgamma, dbeta *Node) {
			return Div(Mul(dy, gamma), sigma), ReduceAndKeep(Mul(dy, normalized), ReduceSum, 0), ReduceAndKeep(dy, ReduceSum, 0)
		}`, "2 of 3 parts right"},
		{`func backward(dy, normalized, gamma, sigma *Node) (dx, dgamma, dbeta *Node) {
			return Div(Mul(dy, gamma), sigma), nil, ReduceAndKeep(dy, ReduceMean, 0)
		}`, "It would be right if the statistics were constants: what do mean and variance depend on?"},
		{`func backward(dy, normalized, gamma, sigma *Node) (dx, dgamma, dbeta *Node) { return nil, nil, Neg(ReduceAndKeep(dy, ReduceSum, 0)) }`, "the sign is wrong everywhere"},
	},
	"Find the bug: a gradient": {
		{`func batchNorm(x, gamma, beta *Node) *Node {
			mean, variance := bnlib.BatchStatistics(x)
			return bnlib.Normalize(x, gamma, beta, StopGradient(mean), variance, bnlib.Epsilon)
		}`, "Half of the way: the variance lets the gradient through now"},
		{`func batchNorm(x, gamma, beta *Node) *Node { return x }`, "y: wrong, largest difference"},
	},
	"Find the bug: two modes": {
		{`func layer(scope *model.Scope, x *Node) *Node {
			average := func(name string, start model.VariableInitializer) *model.Variable {
				return scope.WithInitializer(start).VariableWithShape(name, shapes.Make(x.DType(), x.Shape().Dim(1))).SetTrainable(false)
			}
			mean, variance := average("moving_mean", initializer.Zero).NodeValue(x), average("moving_variance", initializer.One).NodeValue(x)
			if scope.IsTraining(x.Graph()) {
				mean, variance = bnlib.BatchStatistics(x)
			}
			return bnlib.Normalize(x, OnesLike(mean), ZerosLike(mean), mean, variance, bnlib.Epsilon)
		}`, "It has not moved at all"},
		{`func layer(scope *model.Scope, x *Node) *Node {
			mean, variance := bnlib.BatchStatistics(x)
			return bnlib.Normalize(x, OnesLike(mean), ZerosLike(mean), mean, variance, bnlib.Epsilon)
		}`, "there is no variable of that name"},
	},
	"Find the bug: one image": {
		{`func answers(run *bnlib.Run, images data.Set) ([]float32, error) { return bnlib.BatchLogits(run, images, images.Len()) }`, "depends on its company"},
		{`func answers(run *bnlib.Run, images data.Set) ([]float32, error) { return nil, nil }`, "of 500 images it returns 0 logits; wanted: 10 for each"},
	},
	"Fold it into the dense layer": {
		{`func fold(w, gamma, beta, mean, variance *Node) (weights, biases *Node) {
			factor := Div(gamma, Sqrt(AddScalar(variance, bnlib.Epsilon)))
			return Mul(w, Reshape(factor, -1, 1)), Sub(beta, mean)
		}`, "which axis of w are the units?"},
		{`func fold(w, gamma, beta, mean, variance *Node) (weights, biases *Node) { return w, nil }`, "They have not changed"},
	},
	"The statistics of a stored run": {
		{`func population(means, variances []float64) (mean, variance float64) {
			for i := range means {
				mean += means[i] / float64(len(means))
				variance += variances[i] / float64(len(means))
			}
			return mean, variance
		}`, "What of the minibatches among themselves?"},
		{`func population(means, variances []float64) (mean, variance float64) { return 0, 1 }`, "hidden_1, mean: wrong, largest difference"},
	},
	"A hook that measures": {
		{`func gap(l *probe.Look) {
			images, labels := l.Minibatch()
			l.Record("gap", Sub(l.Loss(), l.CrossEntropy(l.Inference(images), labels)))
		}`, "has the wrong sign"},
		{`func gap(l *probe.Look) { l.Record("loss", l.Loss()) }`, `there is no record "gap", but ["loss"]`},
	},
	"Predict the slopes": {
		{`func slopes() (p, q float64) { return 1, math.NaN() }`, "A larger σ gives a larger linear output, and then?"},
		{`func slopes() (p, q float64) { return -1, 1 }`, "count both"},
	},
	"Undo a deviation of 3": {
		{`func undoing() float64 { return 0.6 }`, "what became of their gradient?"},
		{`func undoing() float64 { return math.Inf(1) }`, "cannot be tried"},
	},
	"Explain experiment 7": {
		{`func saves() string { return "AB" }`, "A frozen last layer is still as large as before"},
		{`func saves() string { return "all" }`, "wanted: letters of ABCDEF"},
	},
}

// TestExercises fills the page's cells: left as they are, with wrong answers, and with the solutions that are folded on the page. The
// checks tell them apart, and help.
func TestExercises(t *testing.T) {
	w := ready(t)
	all, code := exercises(t, w)
	most := 0
	for _, e := range all {
		most = max(most, len(wrongAnswers[e.title]))
	}
	variants := map[string][]string{"empty": nil}
	for _, e := range all {
		variants["right"] = append(variants["right"], e.solution)
		wrong := wrongAnswers[e.title]
		if len(wrong) == 0 {
			t.Errorf("no wrong answer to %s is tried", e.title)
			continue
		}
		for k := range most {
			name := fmt.Sprint("wrong_", k)
			variants[name] = append(variants[name], wrong[min(k, len(wrong)-1)].answer)
		}
	}
	said := filled(t, w, code, len(all), variants)
	for i, e := range all {
		seen := map[string]bool{}
		for name, cells := range said {
			text, prefix, says := cells[i], "not answered: ", ""
			switch {
			case name == "right":
				prefix = "right: "
			case name != "empty":
				var k int
				fmt.Sscanf(name, "wrong_%d", &k)
				wrong := wrongAnswers[e.title]
				prefix, says = "not yet: ", wrong[min(k, len(wrong)-1)].says
			}
			if !strings.HasPrefix(text, prefix) || !strings.Contains(text, says) {
				t.Errorf("%s, %s: the check says\n%s\nwant %q first, and %q", e.title, name, text, prefix, says)
			}
			if strings.Contains(text, "goroutine") || strings.Contains(text, "\x1b") {
				t.Errorf("%s, %s: a stack or an escape code in\n%s", e.title, name, text)
			}
			seen[text] = true
		}
		if len(seen) < 3 {
			t.Errorf("%s: the check says one and the same of different answers: %q", e.title, slices.Collect(maps.Keys(seen)))
		}
		if testing.Verbose() {
			for _, name := range slices.Sorted(maps.Keys(said)) {
				t.Logf("%s, %s: %s", e.title, name, said[name][i])
			}
		}
	}
}

// filled runs the page's cells with other declarations, and returns what each of the first cells with a check says, by variant.
func filled(t *testing.T, w *workbook, code []string, checks int, variants map[string][]string) map[string][]string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := cmp.Or(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const mark = "==== cell"
	var files []string
	for name, answers := range variants {
		s, bodies := session{}, ""
		for _, source := range append(slices.Clone(code), answers...) {
			if _, err := s.program(source); err != nil {
				t.Fatalf("%s: %v in\n%s", name, err, source)
			}
			if _, body, ok := strings.Cut(source, "\n%%\n"); ok {
				bodies += fmt.Sprintf("func() {\nfmt.Println(%q)\n%s\n}()\n", mark, body)
			}
		}
		program, err := s.program("\n%%\n" + bodies)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, write(name+"/main.go", strings.Replace(program, "package cell", "package main", 1)))
	}
	write("go.mod", "module cells\n\ngo 1.26\n")
	write("go.work", fmt.Sprintf("go 1.26.5\n\nuse (\n\t.\n\t%q\n)\n", w.root))
	run := func(in string, name string, args ...string) string {
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir = in
		cmd.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "GOWORK="+filepath.Join(dir, "go.work"), "BATCHNORM_RUNS="+filepath.Join(dir, "runs"), "BATCHNORM_QUICK=")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", filepath.Base(name), err, out)
		}
		return string(out)
	}
	run(dir, filepath.Join(w.bin(), "goimports"), append([]string{"-w"}, files...)...)
	run(dir, "go", "build", "-ldflags=-s -w", "-o", dir+"/bin/", "./...")
	said := map[string][]string{}
	for name := range variants {
		cells := strings.Split(run(w.folder(), filepath.Join(dir, "bin", name)), mark+"\n")[1:]
		if len(cells) < checks {
			t.Fatalf("%s: %d cells ran, want %d or more", name, len(cells), checks)
		}
		said[name] = cells[:checks]
	}
	return said
}
