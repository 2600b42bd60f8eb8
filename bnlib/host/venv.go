package host

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Venv is an environment of Python packages in a folder of its own.
type Venv struct {
	Dir          string
	Minor        int      // it needs Python 3.Minor or newer
	Requirements string   // file that pins every package, with hashes
	Env          []string // environment that its installation runs in
}

// Python returns the path of the environment's own interpreter.
func (v Venv) Python() string { return filepath.Join(v.Dir, "bin", "python") }

// Config returns the path of the file that makes the folder an environment.
func (v Venv) Config() string { return filepath.Join(v.Dir, "pyvenv.cfg") }

// Version asks the environment for the version of its Python; empty if it does not run: it breaks when the Python below it
// goes.
func (v Venv) Version(ctx context.Context) string {
	cmd := exec.CommandContext(ctx, v.Python(), "-c", "import sys; print(sys.version_info[:2], sys.prefix != sys.base_prefix)")
	out, err := cmd.Output()
	if err != nil || !strings.Contains(string(out), "True") {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// Install makes the environment from nothing. It says on out what it builds on; run runs its programs, and adds the advice
// to the error of one that fails.
func (v Venv) Install(ctx context.Context, out io.Writer, run func(cmd *exec.Cmd, advice string) error) error {
	p, err := FindPython(ctx, v.Minor)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "      on %s\n", p)
	if err := os.RemoveAll(v.Dir); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, p.Path, "-m", "venv", v.Dir)
	cmd.Env = v.Env
	if err := run(cmd, Hint(VenvModule)); err != nil {
		return err
	}
	// Only what is pinned: a package to be built would fetch what builds it, which no hash stands for.
	cmd = exec.CommandContext(ctx, v.Python(), "-m", "pip", "install", "--require-hashes", "--only-binary=:all:", "--no-input",
		"--disable-pip-version-check", "-r", v.Requirements)
	cmd.Env = v.Env
	return run(cmd, "is the Python package index reachable? (behind a mirror, set PIP_INDEX_URL)")
}
