package store

import (
	"errors"
	"flag"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// Some tests need a process of their own: the test's own program, told by these what to do.
const (
	childEnv = "STORE_TEST_CHILD" // a key of children
	dirEnv   = "STORE_TEST_DIR"   // its folder
)

var kills = flag.Int("kills", 30, "how many writers TestKilled kills")

var children = map[string]func(dir string) error{
	"write for ever": func(dir string) error {
		s := &Store{Dir: dir}
		for {
			for _, key := range killedKeys {
				if err := s.Put(key, sampleHead, large()); err != nil {
					return err
				}
			}
		}
	},
}

func TestMain(m *testing.M) {
	name, dir := os.Getenv(childEnv), os.Getenv(dirEnv)
	if name == "" {
		os.Exit(m.Run())
	}
	if err := children[name](dir); err != nil {
		os.Stderr.WriteString(err.Error())
		os.Exit(1)
	}
	os.Exit(0)
}

func child(t *testing.T, name, dir string) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = append(os.Environ(), childEnv+"="+name, dirEnv+"="+dir)
	return cmd
}

var killedKeys = []string{"a", "b", "c"}

// large returns the sample and an array that takes a while to write.
func large() []Array {
	return append(sample(), Array{"large", []int{1 << 18}, make([]float32, 1<<18)})
}

// TestKilled kills writers at random moments. It shows what another process sees, not what the disk holds after a power cut.
func TestKilled(t *testing.T) {
	s := &Store{Dir: t.TempDir()}
	want := bitsOf(t, large())
	read, parts := 0, 0
	for i := range *kills {
		cmd := child(t, "write for ever", s.Dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for { // until it writes, and every other time until it has written
			size, err := s.Size()
			if err != nil {
				t.Fatal(err)
			}
			if size.Files > i%2 {
				break
			}
			time.Sleep(time.Millisecond)
		}
		time.Sleep(rand.N(20 * time.Millisecond))
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err == nil || cmd.ProcessState.Exited() {
			t.Fatalf("the writer ended by itself: %v", err)
		}
		for _, key := range killedKeys {
			_, arrays, err := s.Get(key)
			switch {
			case err == nil && reflect.DeepEqual(bitsOf(t, arrays), want):
				read++
			case !errors.Is(err, ErrMissing):
				t.Errorf("read back %v", err)
			}
		}
		for _, name := range names(t, s.Dir) {
			if strings.HasSuffix(name, partSuffix) {
				parts++
			}
			if err := os.Remove(filepath.Join(s.Dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("%d writers killed: %d entries whole, %d parts left", *kills, read, parts)
	if read == 0 || parts == 0 {
		t.Error("none was killed in the middle, or none got anywhere")
	}
}

func TestSweep(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, age time.Duration) {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("half"), 0o644); err != nil {
			t.Fatal(err)
		}
		then := time.Now().Add(-age)
		if err := os.Chtimes(path, then, then); err != nil {
			t.Fatal(err)
		}
	}
	fresh, dead, other := "ab.0123456789abcdef.part", "ab.fedcba9876543210.part", "download.x.part"
	for range 2 { // each Store at its first Put
		write(fresh, partAge/2)
		write(dead, 2*partAge)
		write(other, 2*partAge)
		put(t, &Store{Dir: dir}, "ab")
		if got, want := names(t, dir), []string{fresh, "ab" + entrySuffix, other}; !slices.Equal(got, want) {
			t.Errorf("left %v, want %v", got, want)
		}
	}
	write(dead, 2*partAge)
	if removed, err := new(Store{Dir: dir}).Prune(Limits{Bytes: 1 << 30}); removed != (Size{}) || err != nil {
		t.Errorf("pruning: %v, %v", removed, err)
	}
	if got, want := names(t, dir), []string{fresh, "ab" + entrySuffix, other}; !slices.Equal(got, want) {
		t.Errorf("left %v, want %v", got, want)
	}
}

// TestSwept takes the part away from under a writer: it writes once more.
func TestSwept(t *testing.T) {
	s := &Store{Dir: t.TempDir()}
	swept := make(chan bool, 1)
	go func() {
		for t.Context().Err() == nil {
			parts, _ := filepath.Glob(filepath.Join(s.Dir, "*"+partSuffix))
			if len(parts) > 0 && os.Remove(parts[0]) == nil {
				swept <- true
				return
			}
		}
	}()
	for len(swept) == 0 { // nearly always once: flushing takes longer than looking
		if err := s.Put("ab", sampleHead, large()); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := s.Get("ab"); err != nil {
		t.Error(err)
	}
	if got := names(t, s.Dir); !slices.Equal(got, []string{"ab" + entrySuffix}) {
		t.Errorf("the folder holds %v", got)
	}
}

func TestUnwritable(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	err := new(Store{Dir: file}).Put("ab", sampleHead, nil)
	if err == nil || !strings.Contains(err.Error(), "entry ab") || !strings.Contains(err.Error(), file) {
		t.Errorf("a folder that is a file: %v", err)
	}

	// A name that is taken: the rename fails, and what was written goes.
	s := &Store{Dir: filepath.Join(dir, "runs")}
	taken := filepath.Join(s.Dir, "ab"+entrySuffix)
	if err := os.MkdirAll(filepath.Join(taken, "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := s.Put("ab", sampleHead, nil); err == nil || !strings.Contains(err.Error(), "entry ab") {
		t.Errorf("a name that is taken: %v", err)
	}
	if got := names(t, s.Dir); !slices.Equal(got, []string{"ab" + entrySuffix}) {
		t.Errorf("left behind: %v", got)
	}
	if _, err := s.Head("ab"); err == nil || errors.Is(err, ErrMissing) {
		t.Errorf("reading a folder: %v", err)
	}

	if os.Geteuid() == 0 {
		return // root may write everywhere; TestNoRoom has a folder that is read-only for root as well
	}
	readOnly := &Store{Dir: filepath.Join(dir, "read-only")}
	put(t, readOnly, "ab")
	if err := os.Chmod(readOnly.Dir, 0o555); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(readOnly.Dir, 0o755)
	if err := readOnly.Put("cd", sampleHead, nil); !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "cd") {
		t.Errorf("a folder that is read-only: %v", err)
	}
	if err := os.Truncate(filepath.Join(readOnly.Dir, "ab"+entrySuffix), 9); err != nil {
		t.Fatal(err)
	}
	var d *DamagedError
	for range 2 {
		if _, err := readOnly.Head("ab"); !errors.As(err, &d) || d.Aside != "" || !errors.Is(err, fs.ErrPermission) {
			t.Errorf("damaged in a folder that is read-only: %v", err)
		}
	}
}
