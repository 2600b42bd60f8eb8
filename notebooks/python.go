package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// pythonEnv names the environment variable that chooses the Python to build on.
const pythonEnv = "BATCHNORM_PYTHON"

// pythonNames are the programs tried, best first. Some systems keep an old python3 and put newer ones beside it.
var pythonNames = []string{"python3", "python", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10"}

// interpreter is what a Python says about itself.
type interpreter struct {
	Path    string
	Version [3]int
	Venv    bool // the modules that make an environment with pip are there; Debian packs them separately
}

func (p interpreter) String() string {
	return fmt.Sprintf("%s, version %d.%d.%d", p.Path, p.Version[0], p.Version[1], p.Version[2])
}

// ask starts a Python and lets it speak.
func ask(ctx context.Context, name string) (interpreter, error) {
	var p interpreter
	path, err := exec.LookPath(name)
	if err != nil {
		return p, err
	}
	cmd := exec.CommandContext(ctx, path, "-c", `
import importlib.util, json, sys
there = all(importlib.util.find_spec(m) for m in ("venv", "ensurepip"))
print(json.dumps({"Path": sys.executable, "Version": sys.version_info[:3], "Venv": there}))`)
	cmd.Env = append(os.Environ(), "PYTHONHOME=", "PYTHONPATH=")
	out, err := cmd.Output()
	if err != nil {
		return p, fmt.Errorf("%s does not run: %w", path, err)
	}
	if err := json.Unmarshal(out, &p); err != nil {
		return p, fmt.Errorf("%s does not answer as a Python does: %q", path, out)
	}
	return p, nil
}

// fault says why an interpreter cannot be built on; empty if it can.
func (p interpreter) fault() string {
	switch {
	case p.Version[0] != 3 || p.Version[1] < 10:
		return fmt.Sprintf("%s: 3.10 or newer is needed", p)
	case !p.Venv:
		return fmt.Sprintf("%s: its modules venv and ensurepip are missing", p)
	}
	return ""
}

// findPython returns the first interpreter that can be built on.
func findPython(ctx context.Context) (interpreter, error) {
	if name := os.Getenv(pythonEnv); name != "" {
		p, err := ask(ctx, name)
		if err == nil && p.fault() != "" {
			err = errors.New(p.fault())
		}
		if err != nil {
			return p, fmt.Errorf("%s=%s cannot be used: %w", pythonEnv, name, err)
		}
		return p, nil
	}
	var faults []string
	mend := python
	for _, name := range pythonNames {
		p, err := ask(ctx, name)
		switch {
		case errors.Is(err, exec.ErrNotFound):
		case err != nil:
			faults = append(faults, err.Error())
		case p.fault() == "":
			return p, nil
		default:
			if p.Version[0] == 3 && p.Version[1] >= 10 {
				mend = venvModule
			}
			faults = append(faults, p.fault())
		}
	}
	if len(faults) == 0 {
		faults = []string{"there is no python3 and no python in PATH"}
	}
	return interpreter{}, fmt.Errorf("no Python to build on:\n    %s\n%s\nor name another Python in %s",
		strings.Join(faults, "\n    "), hint(mend), pythonEnv)
}

// venvVersion returns the version of the environment's Python, empty if it does not run.
func venvVersion(ctx context.Context, python string) string {
	cmd := exec.CommandContext(ctx, python, "-c", "import sys; print(sys.version_info[:2], sys.prefix != sys.base_prefix)")
	out, err := cmd.Output()
	if err != nil || !strings.Contains(string(out), "True") {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// installPython makes the environment from nothing.
func (w *workbook) installPython(ctx context.Context, t *tasks) error {
	p, err := findPython(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(t.out, "      on %s\n", p)
	if err := os.RemoveAll(w.venv()); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, p.Path, "-m", "venv", w.venv())
	cmd.Env = w.env()
	if err := t.run(cmd, hint(venvModule)); err != nil {
		return err
	}
	cmd = exec.CommandContext(ctx, w.python(), "-m", "pip", "install", "--require-hashes", "--no-input",
		"--disable-pip-version-check", "-r", filepath.Join(w.folder(), "requirements.txt"))
	cmd.Env = w.env()
	return t.run(cmd, "is the Python package index reachable? (behind a mirror, set PIP_INDEX_URL)")
}
