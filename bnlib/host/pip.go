package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// pipMinor is the oldest Python 3 whose pip is asked for packages.
const pipMinor = 9

// Download has pip put Python packages into a folder, as the files that the index has. The requirements are pip's, a line for
// each package with an exact version and the sha256 of its file, and pip refuses what differs; packages that these depend on
// are not fetched.
//
// It is the pip of a Python on the path, or else, since Debian's Python comes without, that of a virtual environment made for
// the purpose. The settings of pip's environment variables hold.
func Download(ctx context.Context, folder string, requirements string) error {
	if folder == "" || strings.TrimSpace(requirements) == "" {
		return fmt.Errorf("host: Download: folder is %q and requirements %q; allowed: a folder, and a line for each package", folder, requirements)
	}
	temp, err := os.MkdirTemp("", "batchnorm-")
	if err != nil {
		return fmt.Errorf("host: %w", err)
	}
	defer os.RemoveAll(temp)
	file := filepath.Join(temp, "requirements.txt")
	if err := os.WriteFile(file, []byte(requirements), 0o600); err != nil {
		return fmt.Errorf("host: %w", err)
	}
	python, err := findPip(ctx, temp)
	if err != nil {
		return err
	}
	args := []string{"-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet"}
	args = append(append(args, patience()...), "download", "--no-deps", "--only-binary=:all:", "--require-hashes", "--dest", folder, "-r", file)
	if out, err := command(ctx, python, args...).CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("pip was not done in time: %w", ctx.Err())
		}
		return fmt.Errorf("pip: %s", complaint(out, err))
	}
	return nil
}

// patience returns options in place of pip's own defaults, which make a machine without a network wait for minutes, and keep a
// copy outside the project's folder.
func patience() []string {
	var options []string
	for _, o := range []struct {
		flag      string
		variables []string
	}{
		{"--retries=1", []string{"PIP_RETRIES"}},
		{"--timeout=10", []string{"PIP_TIMEOUT", "PIP_DEFAULT_TIMEOUT"}},
		{"--no-cache-dir", []string{"PIP_CACHE_DIR", "PIP_NO_CACHE_DIR"}},
	} {
		set := false
		for _, v := range o.variables {
			set = set || os.Getenv(v) != ""
		}
		if !set {
			options = append(options, o.flag)
		}
	}
	return options
}

// findPip returns a Python whose pip knows today's packages. It may make a virtual environment in temp.
func findPip(ctx context.Context, temp string) (python string, err error) {
	p, err := find(ctx, pipMinor, func(p Interpreter) string {
		if fault := p.pipFault(); fault != "" && !p.Venv {
			return fault + ", and its modules venv and ensurepip are missing"
		}
		return ""
	})
	if err != nil || p.pipFault() == "" {
		return p.Path, err
	}
	venv := Venv{Dir: filepath.Join(temp, "venv")}
	if out, err := command(ctx, p.Path, "-m", "venv", venv.Dir).CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s, and no venv: %s", p.pipFault(), complaint(out, err))
	}
	p, err = ask(ctx, venv.Python())
	if err == nil && p.pipFault() != "" {
		err = errors.New(p.pipFault())
	}
	return p.Path, err
}

// pipFault says why an interpreter's pip cannot be used; empty if it can.
func (p Interpreter) pipFault() string {
	var major, minor int
	if p.Pip == "" {
		return fmt.Sprintf("%s: no pip", p)
	}
	if _, err := fmt.Sscanf(p.Pip, "%d.%d", &major, &minor); err != nil || major < 20 || major == 20 && minor < 3 {
		return fmt.Sprintf("%s: pip is %s; 20.3 or newer is needed, which knows today's packages", p, p.Pip)
	}
	return ""
}

// command is a program that ends when its time is over, and is not waited for longer.
func command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = time.Second
	return cmd
}

// changed matches what pip says of a file that is not the one its requirements pin; the groups are the file, what is pinned,
// and what was found.
var changed = regexp.MustCompile(`(?s)\n\s+\S+ from (\S+)[^\n]*:\n\s+Expected sha256 ([0-9a-f]{64}).*?\n\s+Got\s+([0-9a-f]{64})`)

// complaint returns what a program's output gives as the reason of its failure, in one line: a file that was changed, else the
// first error, else the last line.
func complaint(out []byte, err error) string {
	if file := changed.FindSubmatch(out); file != nil {
		return fmt.Sprintf("%s has the sha256 %s, want %s", file[1], file[3], file[2])
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	for _, line := range lines {
		if strings.HasPrefix(line, "ERROR:") && line != "ERROR: Exception:" { // which a traceback follows
			return strings.TrimSpace(strings.TrimPrefix(line, "ERROR:"))
		}
	}
	if last := lines[len(lines)-1]; last != "" {
		return last
	}
	return err.Error()
}
