package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func init() {
	children["fill a disk"] = func(dir string) error {
		return onDisk(dir, func() error { return refuses(dir, large(), syscall.ENOSPC) })
	}
	children["write a read-only disk"] = func(dir string) error {
		return onDisk(dir, func() error {
			if err := new(Store{Dir: dir}).Put("aa", sampleHead, sample()); err != nil {
				return err
			}
			if err := os.Truncate(filepath.Join(dir, "aa"+entrySuffix), 9); err != nil {
				return err
			}
			if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
				return fmt.Errorf("%w: %w", errNoDisk, err)
			}
			var d *DamagedError
			if _, err := new(Store{Dir: dir}).Head("aa"); !errors.As(err, &d) || d.Aside != "" || !errors.Is(err, syscall.EROFS) {
				return fmt.Errorf("a damaged file on a read-only disk: %w", err)
			}
			if err := new(Store{Dir: dir}).Put("bb", sampleHead, sample()); !errors.Is(err, syscall.EROFS) {
				return fmt.Errorf("a read-only disk: %w", err)
			}
			return nil
		})
	}
	children["write beyond a limit"] = func(dir string) error {
		signal.Ignore(syscall.SIGXFSZ)
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 1 << 16, Max: 1 << 16}); err != nil {
			return err
		}
		return refuses(dir, large(), syscall.EFBIG)
	}
	children["write under a umask"] = func(dir string) error {
		for umask, want := range map[int]fs.FileMode{0o022: 0o644, 0o077: 0o600, 0: 0o644} {
			syscall.Umask(umask)
			if err := new(Store{Dir: dir}).Put("aa", sampleHead, sample()); err != nil {
				return err
			}
			info, err := os.Stat(filepath.Join(dir, "aa"+entrySuffix))
			if err != nil {
				return err
			}
			if info.Mode() != want {
				return fmt.Errorf("umask %#o: a file of %v, want %v", umask, info.Mode(), want)
			}
		}
		return nil
	}
}

var errNoDisk = errors.New("no disk of its own")

// onDisk calls use with a small disk mounted at dir, which nobody but this process sees and which is gone when it ends.
func onDisk(dir string, use func() error) error {
	if err := syscall.Mount("", "/", "", syscall.MS_PRIVATE|syscall.MS_REC, ""); err != nil {
		return fmt.Errorf("%w: %w", errNoDisk, err)
	}
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=256k"); err != nil {
		return fmt.Errorf("%w: %w", errNoDisk, err)
	}
	return use()
}

// refuses puts arrays that there is no room for: the error says which key and why, and the folder is as it was.
func refuses(dir string, arrays []Array, why error) error {
	s := &Store{Dir: dir}
	if err := s.Put("aa", sampleHead, sample()); err != nil {
		return err
	}
	for _, key := range []string{"aa", "bb"} {
		err := s.Put(key, sampleHead, arrays)
		if !errors.Is(err, why) || !strings.Contains(err.Error(), "entry "+key) {
			return fmt.Errorf("no room for %s: %w, want %w", key, err, why)
		}
	}
	if _, _, err := s.Get("aa"); err != nil {
		return err
	}
	size, err := s.Size()
	if err == nil && size.Files != 1 {
		err = fmt.Errorf("left behind: %d files", size.Files-1)
	}
	return err
}

func TestNoRoom(t *testing.T) {
	for name, needsDisk := range map[string]bool{
		"fill a disk": true, "write a read-only disk": true, "write beyond a limit": false, "write under a umask": false,
	} {
		t.Run(name, func(t *testing.T) {
			cmd := child(t, name, t.TempDir())
			if needsDisk {
				cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
				if os.Geteuid() != 0 {
					cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
					cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
					cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
				}
			}
			out, err := cmd.CombinedOutput()
			if needsDisk && err != nil && (len(out) == 0 || strings.Contains(string(out), errNoDisk.Error())) {
				t.Skipf("this system does not let the test mount a disk: %v %s", err, out)
			}
			if err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}
