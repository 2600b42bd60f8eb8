package bnlib

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"batchnorm/bnlib/backend"
	"batchnorm/bnlib/internal/store"
	"batchnorm/bnlib/probe"
	"batchnorm/data"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// Some tests need processes of their own: the test's own program, told by these what to do.
const (
	childEnv   = "BNLIB_TEST_CHILD"   // a key of children
	dirEnv     = "BNLIB_TEST_DIR"     // its store
	backendEnv = "BNLIB_TEST_BACKEND" // go: the pure-Go backend; else the one that is opened by default
)

var kills = flag.Int("kills", 20, "how many training processes TestKilled kills; one in ten trains on the default backend, the others in pure Go")

var children = map[string]func(g Grid, o *Options) error{
	// Trains networks and says of each that it is stored, again and again: the first time what the store lacks, then all of them anew.
	"train for ever": func(g Grid, o *Options) error {
		networks := g.Networks()
		for {
			for i := 0; i < len(networks); i += 2 {
				runs, err := Train(context.Background(), networks[i:i+2], o)
				if err != nil {
					return err
				}
				for _, run := range runs {
					fmt.Println(run.Key)
				}
			}
			o.Fresh = true
		}
	},
	"train": func(g Grid, o *Options) error {
		runs, err := Train(context.Background(), g.Networks(), o)
		for _, run := range runs {
			fmt.Println(run.Key, fingerprint(run))
		}
		return err
	},
	"sweep": func(g Grid, o *Options) error {
		results, err := g.Train(context.Background(), o)
		if err != nil {
			return err
		}
		for _, run := range results.Runs { // which are in the store
			whole, err := o.Store.Load(run.Key)
			if err != nil {
				return err
			}
			fmt.Println(run.Key, fingerprint(whole))
		}
		return nil
	},
}

func TestMain(m *testing.M) {
	name := os.Getenv(childEnv)
	if name == "" {
		os.Exit(m.Run())
	}
	g, o, err := killed(os.Getenv(backendEnv))
	if err == nil {
		o.Store = &Store{Dir: os.Getenv(dirEnv)}
		err = children[name](g, o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// killed is what TestKilled trains: four networks, with a look inside.
func killed(on string) (Grid, *Options, error) {
	d, err := data.MNIST()
	if err != nil {
		return Grid{}, nil, err
	}
	o := &Options{Hooks: []probe.Hook{{Name: "loss", Graph: func(l *probe.Look) { l.Record("loss", l.Loss()) }}}}
	if on == "go" {
		o.Backend, err = pureGo()
	} else {
		o.Backend, err = backend.Open()
	}
	var base Experiment
	o.Data, base = tinyOf(d)
	return Grid{Base: base, Seeds: 2}, o, err
}

func child(t *testing.T, name, on string, s *Store) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = append(os.Environ(), childEnv+"="+name, dirEnv+"="+s.Dir, backendEnv+"="+on)
	cmd.Stderr = os.Stderr
	return cmd
}

// fingerprint is all of a run that its network decides.
func fingerprint(r *Run) string {
	all := fmt.Sprint(r.Key, r.Status, r.DivergedAt, r.Losses, r.Points, r.Test, r.Answers)
	for _, w := range r.Weights {
		all += fmt.Sprint(w)
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(all)))
}

// undisturbed trains what TestKilled trains in this process, and returns the runs by key.
func undisturbed(t *testing.T, on string) map[string]*Run {
	g, o, err := killed(on)
	if err != nil {
		t.Fatal(err)
	}
	o.Store = options(t).Store
	runs := map[string]*Run{}
	for _, run := range trained(t, o, g.Networks()...) {
		runs[run.Key] = run
	}
	return runs
}

// wholeAsIn checks that all that a store lists is whole and as it should be, with the eyes of a process that has just begun, and
// returns which runs it has with all that belongs to them.
func wholeAsIn(t *testing.T, s *Store, want map[string]*Run) (complete []string) {
	t.Helper()
	keys, err := (&store.Store{Dir: s.Dir}).Keys()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		of := key
		if strings.Count(key, "-") > 1 { // what a hook saw
			of = withoutMachine(key)
		}
		switch run := want[of]; {
		case run == nil:
			t.Errorf("stored under a key that nobody trained: %s", key)
		case of == key:
			if got, err := s.Load(key); err != nil || !sameRun(got, run) || got.Status != run.Status || got.Answers != run.Answers {
				t.Errorf("run %s: %v", key, err)
			}
		default:
			got, err := s.loadHistory(key)
			if err != nil || !cmp.Equal(got, run.Seen["loss"], cmpopts.EquateNaNs()) {
				t.Errorf("what a hook saw, %s: %v, %v", key, got, err)
			}
			if slices.Contains(keys, of) {
				complete = append(complete, of)
			}
		}
	}
	return complete
}

// TestKilled kills processes with SIGKILL while they train and store: half of them at a random moment, half while they write.
// Whatever a process that comes after finds is whole, and what was reported as stored is there.
func TestKilled(t *testing.T) {
	few := max(1, *kills/10)
	t.Run("go", func(t *testing.T) { killAndLook(t, "go", *kills-few) })
	t.Run("default", func(t *testing.T) { killAndLook(t, "default", few) })
}

func killAndLook(t *testing.T, on string, n int) {
	want, s := undisturbed(t, on), options(t).Store
	reported := map[string]bool{}
	parts, torn, stored := 0, 0, 0
	for i := range n {
		if i%8 == 0 { // so that some begin with nothing
			parts, reported = 0, map[string]bool{}
			if err := os.RemoveAll(s.Dir); err != nil {
				t.Fatal(err)
			}
		}
		cmd := child(t, "train for ever", on, s)
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		said := make(chan string, 1<<16)
		go func() {
			defer close(said)
			for lines := bufio.NewScanner(out); lines.Scan(); {
				said <- lines.Text()
			}
		}()
		hear := func(moment <-chan time.Time) (heard bool) {
			select {
			case key, alive := <-said:
				if !alive {
					t.Fatalf("the process ended by itself: %v", cmd.Wait())
				}
				reported[key] = true
				return true
			case <-moment:
				return false
			}
		}
		if i%2 == 0 {
			for len(inFolder(t, s, ".part")) <= parts {
				hear(time.After(50 * time.Microsecond))
			}
		} else {
			hear(nil)
			for moment := time.After(rand.N(100 * time.Millisecond)); hear(moment); {
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for key := range said { // up to its death
			reported[key] = true
		}
		if err := cmd.Wait(); err == nil || cmd.ProcessState.Exited() {
			t.Fatalf("the process ended by itself: %v", err)
		}
		complete := wholeAsIn(t, s, want)
		for key := range reported {
			stored++
			if !slices.Contains(complete, key) {
				t.Errorf("after %d kills: run %q was reported as stored, and is lost", i+1, key)
			}
		}
		left := len(inFolder(t, s, ".part"))
		torn, parts = torn+left-parts, left
	}
	t.Logf("%d processes killed, which left %d half-written files; %d times a run that was reported as stored was looked for, and was there", n, torn, stored)
	if n >= 10 && torn == 0 {
		t.Error("nobody was killed while writing")
	}

	// What the dead left is swept once it is old, by the next who stores something.
	for _, name := range inFolder(t, s, "") {
		old := time.Now().Add(-24 * time.Hour)
		if err := os.Chtimes(filepath.Join(s.Dir, name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	for key := range want {
		os.Remove(filepath.Join(s.Dir, key+".safetensors"))
		break
	}
	if out, err := child(t, "train", on, s).Output(); err != nil || strings.Count(string(out), "\n") != len(want) {
		t.Errorf("the process after all that died: %v %s", err, out)
	}
	if all := inFolder(t, s, ""); len(wholeAsIn(t, s, want)) != len(want) || len(all) != 2*len(want) {
		t.Errorf("at the end the store has %v", all)
	}
}

// inFolder returns the files of a store whose names end so.
func inFolder(t *testing.T, s *Store, suffix string) []string {
	entries, err := os.ReadDir(s.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), suffix) {
			names = append(names, e.Name())
		}
	}
	return names
}

// TestTogether has two processes that train and one that sweeps the same networks, into one store, at once: each has the right runs,
// and so has the store.
func TestTogether(t *testing.T) {
	want, s := undisturbed(t, "default"), options(t).Store
	var group sync.WaitGroup
	for _, name := range []string{"train", "train", "sweep"} {
		cmd := child(t, name, "default", s)
		group.Go(func() {
			out, err := cmd.Output()
			lines := strings.Split(strings.TrimSpace(string(out)), "\n")
			if err != nil || len(lines) != len(want) {
				t.Errorf("%v: %s", err, out)
				return
			}
			for _, line := range lines {
				key, got, _ := strings.Cut(line, " ")
				if want[key] == nil || got != fingerprint(want[key]) {
					t.Errorf("of run %s another process has other numbers", key)
				}
			}
		})
	}
	group.Wait()
	if all := inFolder(t, s, ""); len(wholeAsIn(t, s, want)) != len(want) || len(all) != 2*len(want) {
		t.Errorf("the store has %v", all)
	}
}
