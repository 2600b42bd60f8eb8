package docker

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The image's own test takes half an hour, so it is asked for: go test ./docker -build -v -timeout 2h
var (
	build   = flag.Bool("build", false, "build the image with buildah, and try it with podman")
	try     = flag.String("try", "", "try this `image`, which is built already")
	patient = 10 * time.Minute // for what takes seconds
)

// TestImage builds the image and runs containers of it the way they are run where one does not trust them: with no network, a root
// that cannot be written, no capabilities.
func TestImage(t *testing.T) {
	if !*build && *try == "" {
		t.Skip("takes long; go test ./docker -build -v -timeout 2h")
	}
	for _, program := range []string{"buildah", "podman"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%v (on Debian: apt-get install buildah podman runc debootstrap)", err)
		}
	}
	t.Setenv("DISABLE_HC_SYSTEMD", "true") // health is asked for here, not by a timer
	configure(t)
	name := *try
	if name == "" {
		name = buildImage(t)
	}
	t.Run("lab", func(t *testing.T) { testLab(t, name) })
	t.Run("server that hangs", func(t *testing.T) { testHanging(t, name) })
	t.Run("pages", func(t *testing.T) { testPages(t, name) })
	t.Run("any user", func(t *testing.T) { testAnyUser(t, name) })
	t.Run("home mounted", func(t *testing.T) { testHome(t, name) })
	t.Run("Binder", func(t *testing.T) { testBinder(t, name) })
	t.Run("sweep", func(t *testing.T) { testSweep(t, name) })
	t.Run("refused", func(t *testing.T) { testRefused(t, name) })
}

// podman runs podman and returns what it said, on both outputs.
func podman(t *testing.T, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	// Into a file: a container that stays has the output open, and a pipe's end would be waited for.
	said, err := os.Create(filepath.Join(t.TempDir(), "said"))
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	cmd := exec.CommandContext(ctx, "podman", args...)
	cmd.Stdout, cmd.Stderr = said, said
	err = cmd.Run()
	return string(read(t, said.Name())), err
}

// must is podman for what has to go well.
func must(t *testing.T, args ...string) string {
	t.Helper()
	out, err := podman(t, args...)
	if err != nil {
		t.Fatalf("podman %q: %v\n%s", args, err, out)
	}
	return out
}

// locked are the options of a container that can reach and change nothing.
var locked = []string{"--network", "none", "--read-only", "--tmpfs", "/tmp:exec", "--cap-drop", "all", "--security-opt", "no-new-privileges"}

// start starts a container and returns its name; it is removed at the end of the test.
func start(t *testing.T, name string, options []string, command ...string) string {
	t.Helper()
	id := fmt.Sprintf("batchnorm-test-%d-%d", os.Getpid(), time.Now().UnixNano())
	t.Cleanup(func() { exec.Command("podman", "rm", "--force", "--volumes", "--time", "0", id).Run() })
	args := append([]string{"run", "--detach", "--name", id}, options...)
	must(t, append(append(args, name), command...)...)
	return id
}

// once runs a command in a container of its own and returns what it said.
func once(t *testing.T, name string, options []string, command ...string) (string, error) {
	t.Helper()
	return podman(t, append(append(append([]string{"run", "--rm"}, options...), name), command...)...)
}

// healthy waits until the container is, by its own health check, and returns how long that took from now.
func healthy(t *testing.T, id string) time.Duration {
	t.Helper()
	begun := time.Now()
	for {
		out, err := podman(t, "healthcheck", "run", id)
		if err == nil {
			return time.Since(begun)
		}
		if state, _ := podman(t, "inspect", "--format", "{{.State.Running}}", id); strings.TrimSpace(state) != "true" || time.Since(begun) > patient {
			t.Fatalf("not healthy: %v, %s\n%s", err, out, must(t, "logs", id))
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// ask asks the server in a container for a page, from inside, and returns the status and the first part of the answer.
func ask(t *testing.T, id, url string) string {
	t.Helper()
	return must(t, "exec", id, "python3", "-c", `
import sys, urllib.error, urllib.request
try: answer = urllib.request.urlopen(sys.argv[1])
except urllib.error.HTTPError as e: answer = e
print(answer.status, answer.read(100000).decode())`, url)
}

// folder is one of the reader's, which any user may write.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

func mount(dir, at string) string { return "--volume=" + dir + ":" + at }

// The lab answers who has the token, at the port and the path that it is told; and ends when asked.
func testLab(t *testing.T, name string) {
	dir := folder(t)
	id := start(t, name, append([]string{mount(dir, work), "--env=JUPYTER_PORT=9999",
		"--env=JUPYTERHUB_SERVICE_PREFIX=/user/reader/", "--env=JUPYTER_TOKEN=secret"}, locked...))
	t.Logf("healthy after %v", healthy(t, id).Round(100*time.Millisecond))
	const base = "http://127.0.0.1:9999/user/reader/"
	if answer := ask(t, id, base+"api/contents"); !strings.HasPrefix(answer, "403 ") {
		t.Errorf("without the token: %s", answer)
	}
	if answer := ask(t, id, base+"api/contents?token=guess"); !strings.HasPrefix(answer, "403 ") {
		t.Errorf("with another token: %s", answer)
	}
	if answer := ask(t, id, base+"api/contents?token=secret"); !strings.HasPrefix(answer, "200 ") || !strings.Contains(answer, "00_start_here.ipynb") {
		t.Errorf("with the token: %s", answer)
	}
	if answer := ask(t, id, base+"api/kernelspecs?token=secret"); !strings.HasPrefix(answer, "200 ") || !strings.Contains(answer, `"gonb"`) {
		t.Errorf("kernels: %s", answer)
	}
	if answer := ask(t, id, "http://127.0.0.1:9999/api"); strings.HasPrefix(answer, "200 ") {
		t.Errorf("beside its path: %s", answer)
	}
	begun := time.Now()
	must(t, "stop", "--time", "300", id)
	t.Logf("ended %v after SIGTERM", time.Since(begun).Round(10*time.Millisecond))
	if code := strings.TrimSpace(must(t, "inspect", "--format", "{{.State.ExitCode}}", id)); code != "0" {
		t.Errorf("exit code %s\n%s", code, must(t, "logs", id))
	}
}

// A server that no longer answers is not healthy, and nobody gets in without the token that was chosen.
func testHanging(t *testing.T, name string) {
	id := start(t, name, locked)
	healthy(t, id)
	if log := must(t, "logs", id); !strings.Contains(log, "/lab") || !strings.Contains(log, "?token=") {
		t.Errorf("no address with a token in\n%s", log)
	}
	if answer := ask(t, id, "http://127.0.0.1:8888/api/contents"); !strings.HasPrefix(answer, "403 ") {
		t.Errorf("without a token: %s", answer)
	}
	const server = `
import os, signal, sys
for pid in filter(str.isdigit, os.listdir("/proc")):
    if b"jupyterlab" in open(f"/proc/{pid}/cmdline", "rb").read() and int(pid) != os.getpid():
        os.kill(int(pid), getattr(signal, sys.argv[1]))`
	must(t, "exec", id, "python3", "-c", server, "SIGSTOP")
	if out, err := podman(t, "healthcheck", "run", id); err == nil {
		t.Errorf("healthy though the server does not answer: %s", out)
	}
	must(t, "exec", id, "python3", "-c", server, "SIGCONT")
	healthy(t, id)
	must(t, "exec", id, "python3", "-c", server, "SIGKILL")
	if code := strings.TrimSpace(must(t, "wait", id)); code == "0" {
		t.Errorf("the server was killed, and the container ends with %s", code)
	}
}

// A page is executed by a user whom the image does not know, and its runs and the reader's own changes are there in the next
// container.
func testPages(t *testing.T, name string) {
	dir := folder(t)
	options := append([]string{mount(dir, work), "--user", "12345"}, locked...)
	for _, turn := range []string{"first", "second"} {
		begun := time.Now()
		out, err := once(t, name, options, "batchnorm", "run", "-quick", "00_start_here")
		if err != nil || !strings.Contains(out, "done in") {
			t.Fatalf("%v\n%s", err, out)
		}
		t.Logf("the page, the %s time: %v", turn, time.Since(begun).Round(100*time.Millisecond))
		page := filepath.Join(dir, "00_start_here.ipynb")
		const mine = `{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}`
		if turn == "first" {
			quick := read(t, filepath.Join(dir, ".batchnorm", "quick", "00_start_here.ipynb"))
			if !bytes.Contains(quick, []byte("image/png")) {
				t.Error("the page that was run has no figure")
			}
			if err := os.WriteFile(filepath.Join(dir, "11_experiment_1.ipynb"), []byte(mine), 0o666); err != nil {
				t.Fatal(err)
			}
		} else if got := string(read(t, filepath.Join(dir, "11_experiment_1.ipynb"))); got != mine {
			t.Errorf("the reader's page became %.100s", got)
		}
		if _, err := os.Stat(page); err != nil {
			t.Error(err)
		}
		runs, err := filepath.Glob(filepath.Join(dir, ".batchnorm", "runs", "*"))
		if err != nil || len(runs) == 0 {
			t.Errorf("%d runs are kept, %v", len(runs), err)
		}
		t.Logf("%d files of runs", len(runs))
	}
}

// Users of other names and groups, with a root that can be written and nothing mounted.
func testAnyUser(t *testing.T, name string) {
	for _, user := range []string{"12345", "12345:12345", "12345:0", "0:0", "1000:1000"} {
		id := start(t, name, []string{"--network", "none", "--user", user})
		t.Logf("%s: healthy after %v", user, healthy(t, id).Round(100*time.Millisecond))
		if out, err := podman(t, "exec", id, "batchnorm", "doctor"); err != nil {
			t.Errorf("%s: %v\n%s", user, err, out)
		}
	}
}

// A folder mounted over the home directory hides nothing that is needed.
func testHome(t *testing.T, name string) {
	dir := folder(t)
	id := start(t, name, append([]string{mount(dir, home)}, locked...))
	healthy(t, id)
	if _, err := os.Stat(filepath.Join(dir, "work", "00_start_here.ipynb")); err != nil {
		t.Error(err)
	}
	if out, err := podman(t, "exec", id, "batchnorm", "doctor"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// Binder starts jupyter-lab, if python3 knows it, with an address and a token of its own.
func testBinder(t *testing.T, name string) {
	id := start(t, name, []string{"--network", "none"}, "python3", "-c", "import jupyterlab.labapp, os, sys; os.execvp('jupyter-lab', sys.argv)",
		"--ip=0.0.0.0", "--port=8888", "--NotebookApp.base_url=/binder/", "--NotebookApp.token=secret", "--NotebookApp.trust_xheaders=True")
	healthy(t, id)
	if answer := ask(t, id, "http://127.0.0.1:8888/binder/api/contents?token=secret"); !strings.Contains(answer, "00_start_here.ipynb") {
		t.Errorf("with the token: %s", answer)
	}
	if answer := ask(t, id, "http://127.0.0.1:8888/binder/api/contents"); !strings.HasPrefix(answer, "403 ") {
		t.Errorf("without the token: %s", answer)
	}
}

// The program of sweeps needs neither Jupyter nor Go, and says what there is.
func testSweep(t *testing.T, name string) {
	options := append([]string{"--user", "12345:12345", "--env=GOMLX_BACKEND=xla:cpu"}, locked...)
	direct, err := once(t, name, options, "batchnorm-sweep")
	if err != nil || direct == "" {
		t.Fatalf("%v\n%s", err, direct)
	}
	built, err := once(t, name, options, "batchnorm", "sweep")
	if err != nil || !strings.HasSuffix(built, direct) {
		t.Errorf("%v: %q, want %q", err, built, direct)
	}
}

// What cannot work says what to do.
func testRefused(t *testing.T, name string) {
	for _, test := range []struct {
		says    string
		options []string
		command []string
	}{
		{"without a token", nil, []string{"jupyter-lab", "--ip=0.0.0.0", "--IdentityProvider.token="}},
		{"--tmpfs /tmp:exec", []string{"--read-only", "--tmpfs", "/tmp:noexec"}, nil},
		{"--user", []string{mount(t.TempDir(), work), "--user=12345"}, nil},
		{"JUPYTER_PORT", []string{"--env=JUPYTER_PORT=lab"}, nil},
	} {
		out, err := once(t, name, append([]string{"--network", "none"}, test.options...), test.command...)
		if err == nil || !strings.Contains(out, test.says) {
			t.Errorf("%q %q: %v, without the words %q:\n%s", test.options, test.command, err, test.says, out)
		}
	}
}

// configure gives podman settings that work also within a container and without systemd, unless it has some.
func configure(t *testing.T) {
	if os.Getenv("CONTAINERS_CONF") != "" {
		return
	}
	settings := "[containers]\ndefault_ulimits = [\"nofile=1024:4096\", \"nproc=4096:4096\"]\n"
	if _, err := exec.LookPath("runc"); err == nil {
		settings += "[engine]\nruntime = \"runc\"\n"
	}
	file := filepath.Join(t.TempDir(), "containers.conf")
	if err := os.WriteFile(file, []byte(settings), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CONTAINERS_CONF", file)
}

// buildImage builds the image and returns its name. Where no registry can be reached its bases are made here; what this machine
// needs to reach packages goes into them, and never into the Dockerfile.
func buildImage(t *testing.T) string {
	base := "localhost/batchnorm-test-base"
	if exec.CommandContext(t.Context(), "buildah", "pull", "--quiet", "docker.io/library/debian:bookworm-slim").Run() == nil {
		base = "docker.io/library/debian:bookworm-slim"
	} else if exec.Command("podman", "image", "exists", base).Run() != nil {
		makeBase(t, base)
	}
	machine := "localhost/batchnorm-test-machine"
	context := t.TempDir()
	dockerfile := "FROM " + base + "\n" + settings(t, context)
	bud(t, machine, context, dockerfile)
	golang := "localhost/batchnorm-test-go"
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	bud(t, golang, strings.TrimSpace(string(goroot)), "FROM "+base+"\nCOPY . /usr/local/go\n")
	begun := time.Now()
	bud(t, "localhost/"+image, "..", string(read(t, "Dockerfile")), "--build-arg", "BASE="+machine, "--build-arg", "GO="+golang)
	t.Logf("built in %v, %s", time.Since(begun).Round(time.Second),
		strings.TrimSpace(must(t, "image", "inspect", "--format", "{{.Size}} bytes", "localhost/"+image)))
	return "localhost/" + image
}

// bud builds an image.
func bud(t *testing.T, name, context, dockerfile string, options ...string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "Dockerfile")
	if err := os.WriteFile(file, []byte(dockerfile), 0o644); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"bud", "--isolation", "chroot", "--layers", "--network", "host", "--format", "docker", "--tag", name, "--file", file}, options...)
	if out, err := exec.CommandContext(t.Context(), "buildah", append(args, context)...).CombinedOutput(); err != nil {
		t.Fatalf("buildah bud of %s: %v\n%s", name, err, out[max(0, len(out)-10000):])
	}
}

// makeBase makes Debian's smallest system from its packages.
func makeBase(t *testing.T, name string) {
	tar := filepath.Join(t.TempDir(), "base.tar")
	script := `mmdebstrap --variant=minbase bookworm "$1"`
	if _, err := exec.LookPath("mmdebstrap"); err != nil {
		script = `root=$(mktemp -d) && debootstrap --variant=minbase bookworm "$root" && tar -C "$root" -cf "$1" . && rm -rf "$root"`
	}
	if out, err := exec.CommandContext(t.Context(), "sh", "-c", script, "sh", tar).CombinedOutput(); err != nil {
		t.Fatalf("no registry can be reached, and no base can be made: %v\n%s", err, out[max(0, len(out)-5000):])
	}
	must(t, "import", "--change", `CMD ["bash"]`, tar, name)
}

// settings are the lines of a Dockerfile that give an image what this machine needs to reach packages: certificates, the settings
// of pip and go, those of apt. Files go into the context.
func settings(t *testing.T, context string) string {
	var lines strings.Builder
	for _, name := range []string{os.Getenv("SSL_CERT_FILE"), "/etc/ssl/certs/ca-certificates.crt"} {
		if certificates, err := os.ReadFile(name); err == nil {
			if err := os.WriteFile(filepath.Join(context, "certificates"), certificates, 0o644); err != nil {
				t.Fatal(err)
			}
			lines.WriteString("COPY certificates /etc/machine-certificates\nENV SSL_CERT_FILE=/etc/machine-certificates PIP_CERT=/etc/machine-certificates\n")
			break
		}
	}
	for _, name := range []string{"http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "PIP_INDEX_URL"} {
		if value := os.Getenv(name); value != "" {
			fmt.Fprintf(&lines, "ENV %s=%q\n", name, value)
		}
	}
	for _, name := range []string{"GOPROXY", "GOSUMDB", "GONOSUMDB"} {
		if value, err := exec.Command("go", "env", name).Output(); err == nil && len(bytes.TrimSpace(value)) > 0 {
			fmt.Fprintf(&lines, "ENV %s=%q\n", name, bytes.TrimSpace(value))
		}
	}
	if out, err := exec.Command("sh", "-c", "apt-config dump | grep ^Acquire").Output(); err == nil {
		if err := os.WriteFile(filepath.Join(context, "apt.conf"), out, 0o644); err != nil {
			t.Fatal(err)
		}
		lines.WriteString("COPY apt.conf /etc/apt/apt.conf.d/99machine\n")
	}
	return lines.String()
}
