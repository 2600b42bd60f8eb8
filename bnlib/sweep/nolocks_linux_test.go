package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// noLocksEnv makes the command run as on a folder that knows neither locks nor hard links, as network file systems do.
const noLocksEnv = "SWEEP_NO_LOCKS"

func init() {
	if os.Getenv(noLocksEnv) == "" {
		return
	}
	err := refuseLocks()
	if err == nil && !errors.Is(unix.Flock(int(os.Stdin.Fd()), unix.LOCK_SH), unix.ENOLCK) {
		err = errors.New("a lock is not refused")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, noLocksEnv+":", err)
		os.Exit(1)
	}
}

// refuseLocks has the kernel answer ENOLCK to whatever locks a file or links to it, for the rest of this process.
func refuseLocks() error {
	const number, command = 0, 24 // where a filter finds the number of a system call, and the second argument
	load := func(at uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
	}
	equal := func(value, then, otherwise int) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(value), Jt: uint8(then), Jf: uint8(otherwise)}
	}
	answer := func(value uint32) unix.SockFilter { return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: value} }
	filter := []unix.SockFilter{
		load(number),
		equal(unix.SYS_FLOCK, 8, 0),
		equal(unix.SYS_LINKAT, 7, 0),
		equal(unix.SYS_FCNTL, 0, 5),
		load(command),
		equal(unix.F_SETLK, 4, 0),
		equal(unix.F_SETLKW, 3, 0),
		equal(unix.F_OFD_SETLK, 2, 0),
		equal(unix.F_OFD_SETLKW, 1, 0),
		answer(unix.SECCOMP_RET_ALLOW),
		answer(unix.SECCOMP_RET_ERRNO | uint32(unix.ENOLCK)),
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return errno
	}
	return nil
}

// TestNoLocks has three processes train the same sweep at the same time, where nothing can be locked. One is killed as soon as a run is
// stored, and started again. What is stored is what a single process trains.
func TestNoLocks(t *testing.T) {
	store, whole := filepath.Join(t.TempDir(), "store"), t.TempDir()
	start := func() *exec.Cmd {
		cmd := process(t, []string{noLocksEnv + "=1"}, "small", "-store", store)
		stdin, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer stdin.Close()
		cmd.Stdin, cmd.Stderr = stdin, os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	killed, others := start(), []*exec.Cmd{start(), start()}
	eventually(t, "a run is stored", func() bool {
		runs, err := filepath.Glob(filepath.Join(store, "*.safetensors"))
		return err == nil && len(runs) > 0
	})
	if err := killed.Process.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	killed.Wait()
	for _, cmd := range append(others, start()) {
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v", err)
		}
	}
	command(t, done, "small", "-store", whole)
	sameRuns(t, store, whole, 12)
}
