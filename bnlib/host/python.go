package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// PythonEnv names the environment variable that chooses the Python to build on.
const PythonEnv = "BATCHNORM_PYTHON"

// pythons are the programs tried, best first. Some systems keep an old python3 and put newer ones beside it.
var pythons = []string{"python3", "python", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10"}

// Interpreter is what a Python says about itself.
type Interpreter struct {
	Path    string
	Version [3]int
	Venv    bool   // the modules that make an environment with pip are there; Debian packs them separately
	Pip     string // the version of its pip; empty: it has none
}

func (p Interpreter) String() string {
	return fmt.Sprintf("%s, version %d.%d.%d", p.Path, p.Version[0], p.Version[1], p.Version[2])
}

// ask starts a Python and lets it speak.
func ask(ctx context.Context, name string) (Interpreter, error) {
	var p Interpreter
	path, err := exec.LookPath(name)
	if err != nil {
		return p, err
	}
	cmd := exec.CommandContext(ctx, path, "-c", `
import importlib.metadata, importlib.util, json, sys
there = all(importlib.util.find_spec(m) for m in ("venv", "ensurepip"))
try: pip = importlib.metadata.version("pip")
except Exception: pip = ""
print(json.dumps({"Path": sys.executable, "Version": sys.version_info[:3], "Venv": there, "Pip": pip}))`)
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

func (p Interpreter) recent(minor int) bool { return p.Version[0] == 3 && p.Version[1] >= minor }

// venvFault says why no environment can be made with an interpreter; empty if one can.
func (p Interpreter) venvFault() string {
	if !p.Venv {
		return fmt.Sprintf("%s: its modules venv and ensurepip are missing", p)
	}
	return ""
}

// FindPython returns the first interpreter that can be built on, of version 3.minor or newer: the one that PythonEnv names, if it is set.
func FindPython(ctx context.Context, minor int) (Interpreter, error) {
	return find(ctx, minor, Interpreter.venvFault)
}

// find returns the first interpreter of version 3.minor or newer that has no fault.
func find(ctx context.Context, minor int, fault func(Interpreter) string) (Interpreter, error) {
	unfit := func(p Interpreter) string {
		if !p.recent(minor) {
			return fmt.Sprintf("%s: 3.%d or newer is needed", p, minor)
		}
		return fault(p)
	}
	if name := os.Getenv(PythonEnv); name != "" {
		p, err := ask(ctx, name)
		if err == nil && unfit(p) != "" {
			err = errors.New(unfit(p))
		}
		if err != nil {
			return p, fmt.Errorf("%s=%s cannot be used: %w", PythonEnv, name, err)
		}
		return p, nil
	}
	var faults []string
	mend := Python
	for _, name := range pythons {
		p, err := ask(ctx, name)
		switch {
		case errors.Is(err, exec.ErrNotFound):
		case err != nil:
			faults = append(faults, err.Error())
		case unfit(p) == "":
			return p, nil
		default:
			if p.recent(minor) {
				mend = VenvModule
			}
			faults = append(faults, unfit(p))
		}
	}
	if len(faults) == 0 {
		faults = []string{"there is no python3 and no python in PATH"}
	}
	return Interpreter{}, fmt.Errorf("no Python to build on: %s\n%s\nor name another Python in %s",
		strings.Join(faults, "\n    "), Hint(mend), PythonEnv)
}
