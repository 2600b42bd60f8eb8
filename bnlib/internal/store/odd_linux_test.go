package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestOdd puts something else in the place of an entry's file: no reader waits or is misled, and the entry can be made anew.
func TestOdd(t *testing.T) {
	content, err := encode("ab", sampleHead, sample())
	if err != nil {
		t.Fatal(err)
	}
	file := func(content []byte) func(string) error {
		return func(path string) error { return os.WriteFile(path, content, 0o644) }
	}
	for _, c := range []struct {
		name string
		make func(path string) error
		want string
		kept bool // set aside, for somebody to look at
	}{
		{"a byte appended", file(append(bytes.Clone(content), 0)), "bytes of arrays", true},
		{"twice", file(append(bytes.Clone(content), content...)), "bytes of arrays", true},
		{"zeros", file(make([]byte, len(content))), "header would be 0 bytes", true},
		{"nothing", file(nil), "0 bytes", true},
		{"text", file(bytes.Repeat([]byte("<html>"), 100)), "header", true},
		{"an empty folder", func(path string) error { return os.Mkdir(path, 0o755) }, "it is no file (d", true},
		{"a folder", func(path string) error { return os.MkdirAll(filepath.Join(path, "x"), 0o755) }, "it is no file (d", true},
		{"a pipe", func(path string) error { return syscall.Mkfifo(path, 0o644) }, "it is no file (p", true},
		{"a device", func(path string) error { return os.Symlink("/dev/zero", path) }, "it is no file (D", true},
		{"a link to itself", func(path string) error { return os.Symlink(filepath.Base(path), path) }, syscall.ELOOP.Error(), false},
		{"a link to nothing", func(path string) error { return os.Symlink("nonesuch", path) }, ErrMissing.Error(), false},
	} {
		for _, before := range []string{"nothing", "a file", "a folder"} { // that was set aside earlier
			s := &Store{Dir: t.TempDir()}
			path, aside := filepath.Join(s.Dir, "ab"+entrySuffix), filepath.Join(s.Dir, "ab"+asideSuffix)
			switch before {
			case "a file":
				err = os.WriteFile(aside, nil, 0o644)
			case "a folder":
				err = os.Mkdir(aside, 0o755)
			}
			if err == nil {
				err = c.make(path)
			}
			if err != nil {
				t.Fatal(err)
			}
			_, _, err := s.Get("ab")
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s, after %s: %v, want %q", c.name, before, err, c.want)
			}
			var d *DamagedError
			if errors.As(err, &d) != c.kept || c.kept && (d.Aside != aside || d.Err != nil) {
				t.Errorf("%s, after %s: set aside: %v, want %v", c.name, before, err, c.kept)
			}
			put(t, s, "ab")
			if _, _, err := s.Get("ab"); err != nil {
				t.Errorf("%s, after %s: made anew: %v", c.name, before, err)
			}
		}
	}
}

// TestNoPermission has a file that its reader may not open: it is not called damaged, and can be made anew.
func TestNoPermission(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read everything")
	}
	s := &Store{Dir: t.TempDir()}
	put(t, s, "ab")
	if err := os.Chmod(filepath.Join(s.Dir, "ab"+entrySuffix), 0); err != nil {
		t.Fatal(err)
	}
	var d *DamagedError
	if _, _, err := s.Get("ab"); !errors.Is(err, fs.ErrPermission) || errors.As(err, &d) || errors.Is(err, ErrMissing) {
		t.Errorf("a file without permissions: %v", err)
	}
	put(t, s, "ab")
	if _, _, err := s.Get("ab"); err != nil {
		t.Errorf("made anew: %v", err)
	}
}

// TestClock has files from the future: they are neither kept until then nor taken for old.
func TestClock(t *testing.T) {
	s := &Store{Dir: t.TempDir()}
	put(t, s, "ab")
	put(t, s, "cd")
	part := filepath.Join(s.Dir, "ab.0123456789abcdef"+partSuffix)
	if err := os.WriteFile(part, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	used := func(name string) time.Duration {
		info, err := os.Stat(filepath.Join(s.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return time.Since(info.ModTime())
	}
	future := func() {
		then := time.Now().Add(10 * 365 * 24 * time.Hour)
		for _, name := range names(t, s.Dir) {
			if err := os.Chtimes(filepath.Join(s.Dir, name), then, then); err != nil {
				t.Fatal(err)
			}
		}
	}
	future()
	if removed, err := s.Prune(Limits{Age: useInterval}); removed != (Size{}) || err != nil {
		t.Errorf("from the future, removed %v, %v", removed, err)
	}
	future()
	s.sweep()
	if _, err := s.Head("ab"); err != nil {
		t.Fatal(err)
	}
	for name, now := range map[string]bool{"ab" + entrySuffix: true, "cd" + entrySuffix: false, filepath.Base(part): true} {
		if age := used(name); (age > -useInterval) != now {
			t.Errorf("%s is %v old", name, age)
		}
	}
	if _, err := s.Prune(Limits{Age: useInterval}); err != nil {
		t.Fatal(err)
	}
	if age := used("cd" + entrySuffix); age < -useInterval {
		t.Errorf("after pruning cd is %v old: it would be kept until then", age)
	}
}

// TestFlushFails has the disk refuse to flush, by strace, and expects Put to say so.
func TestFlushFails(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip(err)
	}
	for _, c := range []struct {
		what, below string // of what; the store's folder
		when        int    // which flush fails
		left        int    // files
	}{{"the file", "", 1, 0}, {"its folder", "", 2, 1}, {"the folder above a new one", "new", 1, 0}} {
		dir := filepath.Join(t.TempDir(), c.below)
		program := child(t, "write once", dir)
		cmd := exec.CommandContext(t.Context(), strace, append([]string{"-f", "-qq", "-o", filepath.Join(t.TempDir(), "log"),
			"-e", "trace=fsync", "-e", fmt.Sprint("inject=fsync:error=EIO:when=", c.when)}, program.Args...)...)
		cmd.Env = program.Env
		out, err := cmd.CombinedOutput()
		if err != nil && strings.Contains(string(out), "ptrace") {
			t.Skipf("%v %s", err, out)
		}
		if err == nil || !strings.Contains(string(out), "entry ab is not stored") || !strings.Contains(string(out), syscall.EIO.Error()) {
			t.Errorf("flushing %s fails: %v %s", c.what, err, out)
		}
		if got := names(t, dir); len(got) != c.left {
			t.Errorf("flushing %s fails: left %v", c.what, got)
		}
	}
}

func init() {
	children["write once"] = func(dir string) error { return new(Store{Dir: dir}).Put("ab", sampleHead, sample()) }
}
