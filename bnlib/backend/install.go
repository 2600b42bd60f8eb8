package backend

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"k8s.io/klog/v2"
)

// source is a place to have a plugin from.
type source interface {
	name() string
	// fetch puts a plugin into the folder, under a name by which installed finds it, whole or not at all.
	fetch(folder string) error
}

// forProcessor is where a system's plugin for the processor comes from. The checksum of the Python package stands here, so where
// that has a plugin nothing else will do; of the others there is only what the host of the release says.
func forProcessor(goos, goarch string) source {
	if goos == "linux" && goarch == "amd64" {
		return pythonPackage
	}
	return gomlxRelease
}

const (
	longestDownload    = 15 * time.Minute // of one plugin for the processor
	longestGPUDownload = time.Hour        // of the plugin for GPUs and its libraries
	longestWait        = time.Hour        // for another process that installs
)

// InstallCUDA puts XLA's plugin for NVIDIA GPUs, with its libraries, into the project's own folder if none is there, and returns its
// path. [Open] does so by itself where there is a GPU; this is for images, which are made where there is none.
func InstallCUDA() (string, error) { return standard().have(cuda) }

// have returns a plugin of the kind, installed if there is none. Nothing is loaded.
func (m *world) have(k kind) (string, error) {
	if found := m.installed(k); len(found) > 0 {
		return found[0], nil
	}
	path, err := m.install(k, nil)
	if err != nil {
		return "", fmt.Errorf("backend: %w", err)
	}
	return path, nil
}

// install puts a plugin of the kind into the project's own folder and returns its path. broken are those that could not be
// opened: the project's own are replaced. A second process waits for the first one's installation and uses it.
func (m *world) install(k kind, broken []string) (string, error) {
	folder, err := m.ours()
	if err != nil {
		return "", err
	}
	if err := m.postponed(k); err != nil {
		return "", err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", fmt.Errorf("cannot create the folder for XLA's plugin: %w", err)
	}
	unlock, err := m.lock(filepath.Join(folder, "install.lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	for _, path := range m.installed(k) {
		if !slices.Contains(broken, path) || inside(folder, path) && m.load(path) == nil {
			return path, nil // another process did it meanwhile
		}
	}
	if err := m.postponed(k); err != nil {
		return "", err // another process tried meanwhile
	}
	for _, path := range broken {
		if inside(folder, path) {
			os.Remove(path)
		}
	}
	// What a process that was killed left half-done.
	if parts, err := filepath.Glob(filepath.Join(escape(folder), partPattern)); err == nil {
		for _, part := range parts {
			os.RemoveAll(part)
		}
	}
	defer quietLog()()
	start := m.now()
	if err := m.fetch(k, folder); err != nil {
		// A notebook opens a backend in every cell: at most a tenth of the time goes into trying again.
		m.postpone(k, err, m.now().Add(min(10*m.now().Sub(start), time.Hour)))
		return "", err
	}
	os.Remove(note(folder, k))
	found := m.installed(k)
	if len(found) == 0 || !inside(folder, found[0]) {
		return "", fmt.Errorf("the installer left no %s plugin behind", k)
	}
	return found[0], nil
}

func (m *world) fetch(k kind, folder string) error {
	if k == cuda {
		m.say("backend: installing XLA's plugin for the GPU into %s, once (a download of 2.4 GB, 4 GB on the disk)", folder)
	} else {
		m.say("backend: installing XLA's plugin for the processor into %s, once (about 60 MB)", folder)
	}
	var failures []string
	for _, s := range m.sources[k] {
		err := s.fetch(folder)
		if err == nil {
			m.say("backend: installed from %s", s.name())
			return nil
		}
		failures = append(failures, fmt.Sprintf("%s: %s", s.name(), oneLine(err)))
	}
	return errors.New(strings.Join(failures, "; "))
}

// lock takes the lock of a file, and says so if it has to wait. The operating system frees the lock of a process that dies.
func (m *world) lock(path string) (unlock func(), err error) {
	l := flock.New(path)
	ok, err := l.TryLock()
	if err == nil && !ok {
		m.say("backend: another process is installing XLA's plugin: waiting for it")
		ctx, cancel := background(longestWait)
		defer cancel()
		_, err = l.TryLockContext(ctx, 200*time.Millisecond)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot lock %s: %w", path, err)
	}
	return func() { l.Unlock() }, nil
}

// quietLog keeps go-xla from logging what it also returns, until the function it returns is called.
func quietLog() (restore func()) {
	state := klog.CaptureState()
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	return state.Restore
}

// note is the file that says why an installation failed, and until when not to try again.
func note(folder string, k kind) string { return filepath.Join(folder, string(k)+".failed") }

// postpone keeps this process and others from installing before a time; the zero time stands for ever.
func (m *world) postpone(k kind, reason error, until time.Time) {
	folder, err := m.ours()
	if err != nil {
		return
	}
	stamp := "never"
	if !until.IsZero() {
		stamp = until.Format(time.RFC3339Nano)
	}
	// Without the note the next process tries in vain once more, and no harm is done.
	os.WriteFile(note(folder, k), []byte(stamp+"\n"+oneLine(reason)+"\n"), 0o644)
}

// postponed returns why not to install now; nil: go ahead.
func (m *world) postponed(k kind) error {
	folder, err := m.ours()
	if err != nil {
		return err
	}
	text, err := os.ReadFile(note(folder, k))
	if err != nil {
		return nil
	}
	stamp, reason, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	if stamp == "never" {
		return fmt.Errorf("%s; after mending that, delete %s to have it installed anew", reason, folder)
	}
	until, err := time.Parse(time.RFC3339Nano, stamp)
	// The clock may have been set back since: nothing is put off for more than an hour.
	if left := until.Sub(m.now()); err != nil || left <= 0 || left > time.Hour {
		return nil
	}
	return fmt.Errorf("%s; tried again after %s", reason, until.Local().Format(time.TimeOnly))
}

// TryAgain forgets that an installation failed lately, so that Open tries at once: who asks for it has mended something. What failed for
// good stays so.
func TryAgain() { standard().tryAgain() }

func (m *world) tryAgain() {
	folder, err := m.ours()
	if err != nil {
		return
	}
	for _, k := range []kind{cpu, cuda} {
		if text, err := os.ReadFile(note(folder, k)); err == nil && !strings.HasPrefix(string(text), "never\n") {
			os.Remove(note(folder, k))
		}
	}
}

// partPattern is the name of folders in which a source works, in the folder of plugins: what is complete there is renamed
// into its place.
const partPattern = ".part-*"

// escape returns a pattern that matches a path and nothing else.
func escape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// publish gives a complete plugin its name. It is on the disk by then: after a power cut there is a whole file or none.
func publish(from, to string) error {
	f, err := os.OpenFile(from, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := whole(from); err != nil {
		return err
	}
	if err := os.Chmod(from, 0o755); err != nil {
		return err
	}
	return os.Rename(from, to)
}
