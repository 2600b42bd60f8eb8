package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"batchnorm/bnlib"
)

// fakeEnv makes the test's own binary a program of a comparison: its value is the program's name, and fakeLog the file in
// which it notes its turns.
const (
	fakeEnv = "COMPARE_FAKE"
	fakeLog = "COMPARE_FAKE_LOG"
)

func TestMain(m *testing.M) {
	if name := os.Getenv(fakeEnv); name != "" {
		fake(name)
		return
	}
	os.Exit(m.Run())
}

// fake speaks the protocol. "slow" takes twice as long as others say, "dying" ends in its second turn, "stillborn" before its first.
func fake(name string) {
	fmt.Println("a message of some library")
	if name == "stillborn" {
		fmt.Fprintln(os.Stderr, "No module named jax")
		os.Exit(1)
	}
	fmt.Println(`{"ready": 1.5, "version": "Fake 1.2"}`)
	seconds := 2.0
	if name == "slow" {
		seconds = 4
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if name == "dying" && seconds > 2 {
			fmt.Fprintln(os.Stderr, "out of memory")
			os.Exit(1)
		}
		log, err := os.OpenFile(os.Getenv(fakeLog), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(log, "%s ", name)
		log.Close()
		if path := lines.Text(); path != "" {
			if err := os.WriteFile(path, floatBytes([]float32{1, 2, 3, float32(seconds)}), 0o644); err != nil {
				panic(err)
			}
		}
		fmt.Printf(`{"seconds": %v, "memory": 3000000, "rates": {"A": %v}}`+"\n", seconds, seconds)
		seconds++
	}
}

// fakes returns the command of a fake program.
func fakes(log string) func(program) *exec.Cmd {
	return func(p program) *exec.Cmd {
		cmd := exec.CommandContext(context.Background(), os.Args[0])
		cmd.Env = append(os.Environ(), fakeEnv+"="+p.name, fakeLog+"="+log)
		return cmd
	}
}

// tiny is two networks of two steps.
func tiny() work {
	e := bnlib.Article(1)
	e.Steps, e.Every = 2, 2
	return work{"tiny", "tiny work", e.Pair()}
}

func TestMeasure(t *testing.T) {
	log := t.TempDir() + "/log"
	programs := []program{{name: "fast", title: "ours", order: true}, {name: "slow", title: "Fake, slow", order: true}}
	var said strings.Builder
	results, err := measure(tiny(), programs, 3, fakes(log), func(format string, args ...any) { fmt.Fprintf(&said, format+"\n", args...) })
	if err != nil {
		t.Fatal(err)
	}
	order, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if string(order) != "fast slow fast slow fast slow " {
		t.Errorf("the turns were %q", order)
	}
	fast, slow := results[0], results[1]
	if fast.steps != 4 || fast.compile != 1.5 || fast.memory != 3e6 || fast.version != "Fake 1.2" || fast.rates["A"] != 4 {
		t.Errorf("%+v", fast)
	}
	if got := fast.rate(); got != 4./3 { // 2, 3 and 4 s
		t.Errorf("rate %v", got)
	}
	if got := spread(fast.times(slow)); got != "1.67 (1.50 to 2.00)" { // 5/3, 6/4, 4/2
		t.Errorf("ours is %s times as fast", got)
	}
	// The last losses of the last turn are 4 and 6.
	if got := fast.difference(slow); got < .333 || got > .334 {
		t.Errorf("losses differ by %v", got)
	}
	if !strings.Contains(said.String(), "tiny work: turn 3 of 3, Fake, slow: 1 network-steps/s") {
		t.Errorf("said %s", said.String())
	}
}

func TestMeasureFaults(t *testing.T) {
	for name, want := range map[string]string{"dying": "out of memory", "stillborn": "No module named jax"} {
		programs := []program{{name: "fast", title: "ours"}, {name: name, title: "Fake"}}
		results, err := measure(tiny(), programs, 3, fakes(t.TempDir()+"/log"), func(string, ...any) {})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "tiny work, Fake") {
			t.Errorf("%s: error %v, want %q", name, err, want)
		}
		if name == "dying" && (len(results) != 2 || len(results[0].seconds) != 1 || len(results[1].seconds) != 1) {
			t.Errorf("%+v, want the first round", results)
		}
	}
	short := func(p program) *exec.Cmd { return fakes(t.TempDir() + "/log")(p) }
	w := tiny()
	w.networks = w.networks[:1]
	if _, err := measure(w, []program{{name: "fast", title: "Fake", order: true}}, 1, short, func(string, ...any) {}); err == nil ||
		!strings.Contains(err.Error(), "4 training losses, want 2 of each of 1") {
		t.Errorf("losses of another work: %v", err)
	}
}
