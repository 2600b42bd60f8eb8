// Package python finds a Python to build on and makes environments of packages, so that nothing is installed into it.
package python

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"batchnorm/bnlib/hint"
)

// Env names the environment variable that chooses the Python to build on.
const Env = "BATCHNORM_PYTHON"

// names are the programs tried, best first. Some systems keep an old python3 and put newer ones beside it.
var names = []string{"python3", "python", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10"}

// Interpreter is what a Python says about itself.
type Interpreter struct {
	Path    string
	Version [3]int
	Venv    bool // the modules that make an environment with pip are there; Debian packs them separately
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

func (p Interpreter) recent(minor int) bool { return p.Version[0] == 3 && p.Version[1] >= minor }

// fault says why an interpreter cannot be built on; empty if it can.
func (p Interpreter) fault(minor int) string {
	switch {
	case !p.recent(minor):
		return fmt.Sprintf("%s: 3.%d or newer is needed", p, minor)
	case !p.Venv:
		return fmt.Sprintf("%s: its modules venv and ensurepip are missing", p)
	}
	return ""
}

// Find returns the first interpreter that can be built on, of version 3.minor or newer: the one that Env names, if it is set.
func Find(ctx context.Context, minor int) (Interpreter, error) {
	if name := os.Getenv(Env); name != "" {
		p, err := ask(ctx, name)
		if err == nil && p.fault(minor) != "" {
			err = errors.New(p.fault(minor))
		}
		if err != nil {
			return p, fmt.Errorf("%s=%s cannot be used: %w", Env, name, err)
		}
		return p, nil
	}
	var faults []string
	mend := hint.Python
	for _, name := range names {
		p, err := ask(ctx, name)
		switch {
		case errors.Is(err, exec.ErrNotFound):
		case err != nil:
			faults = append(faults, err.Error())
		case p.fault(minor) == "":
			return p, nil
		default:
			if p.recent(minor) {
				mend = hint.VenvModule
			}
			faults = append(faults, p.fault(minor))
		}
	}
	if len(faults) == 0 {
		faults = []string{"there is no python3 and no python in PATH"}
	}
	return Interpreter{}, fmt.Errorf("no Python to build on:\n    %s\n%s\nor name another Python in %s",
		strings.Join(faults, "\n    "), hint.For(mend), Env)
}
