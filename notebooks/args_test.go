package main

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"batchnorm/bnlib/upkeep"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	t.Setenv("JUPYTER_PORT", "")
	t.Setenv("JUPYTERHUB_SERVICE_PREFIX", "")
	for _, test := range []struct {
		line string
		want command
		err  string // part of it; "help": flag.ErrHelp
	}{
		{"", command{ip: "127.0.0.1", port: 8888, baseURL: "/"}, ""},
		{"-ip 0.0.0.0 -port 9 --no-browser -base-url /a", command{ip: "0.0.0.0", port: 9, baseURL: "/a", noBrowser: true}, ""},
		{"-no-browser -- --ip=0.0.0.0 --ServerApp.token=x", command{ip: "127.0.0.1", port: 8888, baseURL: "/", noBrowser: true,
			jupyter: []string{"--ip=0.0.0.0", "--ServerApp.token=x"}}, ""},
		{"-port 9000 -- --ServerApp.token=x", command{}, "-port stands before --"},
		{"-base-url /a/ -- --ServerApp.token=x", command{}, "--ServerApp.base_url=/a/"},
		{"-- --ServerApp.token=", command{}, "--ServerApp.token is empty"},
		{"-- --token '' --ip=0.0.0.0", command{}, "--token is empty"},
		{"setup", command{name: "setup"}, ""},
		{"doctor", command{name: "doctor"}, ""},
		{"doctor -list -verify", command{name: "doctor", runs: onRuns{list: true, verify: true}}, ""},
		{"doctor -prune -age 90d -size 1.5GB -dry-run", command{name: "doctor", runs: onRuns{prune: true, dry: true,
			limits: upkeep.Limits{Age: 90 * 24 * time.Hour, Bytes: 1500000000}}}, ""},
		{"doctor -prune -age 2w", command{name: "doctor", runs: onRuns{prune: true, limits: upkeep.Limits{Age: 14 * 24 * time.Hour}}}, ""},
		{"doctor -prune -age 12h -size 100", command{name: "doctor", runs: onRuns{prune: true, limits: upkeep.Limits{Age: 12 * time.Hour, Bytes: 100}}}, ""},
		{"doctor -prune", command{}, "-age 90d"},
		{"doctor -size 2GB", command{}, "go with -prune"},
		{"doctor -dry-run", command{}, "go with -prune"},
		{"doctor -prune -age 90", command{}, `"90" for flag -age: allowed: a time above 0`},
		{"doctor -prune -age -1d", command{}, "above 0"},
		{"doctor -prune -age 1e9d", command{}, "above 0"},
		{"doctor -prune -size 0", command{}, "a size above 0"},
		{"doctor -prune -size 2GiB", command{}, "such as 2GB"},
		{"run", command{name: "run", jobs: 1}, ""},
		{"run a b.ipynb", command{name: "run", names: []string{"a", "b.ipynb"}, jobs: 1}, ""},
		{"run a -quick b", command{name: "run", names: []string{"a", "b"}, quick: true, jobs: 1}, ""},
		{"run -jobs 2", command{name: "run", jobs: 2}, ""},
		{"run -jobs 0", command{}, "-jobs is 0"},
		{"export -o site a", command{name: "export", names: []string{"a"}, dir: "site"}, ""},
		{"sweep phase -shard 3/8", command{name: "sweep", names: []string{"phase", "-shard", "3/8"}}, ""},
		{"-h", command{}, "help"},
		{"help", command{}, "help"},
		{"run -h", command{}, "help"},
		{"rum", command{}, "setup run export sweep reset doctor health"},
		{"-port x", command{}, "-port"},
		{"setup -quick", command{}, "-quick"},
		{"setup now", command{}, `"now"`},
		{"-no-browser 00_start_here", command{}, `"00_start_here"`},
	} {
		got, err := parse(strings.Fields(test.line))
		switch {
		case test.err == "help":
			if !errors.Is(err, flag.ErrHelp) {
				t.Errorf("%q: error %v, want help", test.line, err)
			}
		case test.err != "":
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%q: error %v, want %q", test.line, err, test.err)
			}
		case err != nil:
			t.Errorf("%q: %v", test.line, err)
		default:
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(command{}, onRuns{})); diff != "" {
				t.Errorf("%q: %s", test.line, diff)
			}
		}
	}
}

// Jupyter's own variables say where JupyterLab lies, and the command line says so before them.
func TestAddress(t *testing.T) {
	t.Setenv("JUPYTER_PORT", "9999")
	t.Setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/a/")
	for _, test := range []struct {
		line string
		want command
	}{
		{"", command{ip: "127.0.0.1", port: 9999, baseURL: "/user/a/"}},
		{"-port 9 -base-url /b/", command{ip: "127.0.0.1", port: 9, baseURL: "/b/"}},
		{"doctor", command{name: "doctor"}},
	} {
		got, err := parse(strings.Fields(test.line))
		if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(command{}, onRuns{})); err != nil || diff != "" {
			t.Errorf("%q: %v %s", test.line, err, diff)
		}
	}
	for _, port := range []string{"lab", "0", "65536", "tcp://10.0.0.1:80"} {
		t.Setenv("JUPYTER_PORT", port)
		if _, err := parse(nil); err == nil || !strings.Contains(err.Error(), strconv.Quote(port)) {
			t.Errorf("port %q: %v", port, err)
		}
	}
}

func TestResolve(t *testing.T) {
	w := &workbook{root: t.TempDir()}
	if _, err := w.resolve(nil); err == nil {
		t.Error("no notebook at all is no error")
	}
	for _, name := range []string{"11_b.ipynb", "00_a.ipynb", "README.md"} {
		path := filepath.Join(w.folder(), name)
		if err := os.MkdirAll(w.folder(), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct{ typed, want []string }{
		{nil, []string{"00_a", "11_b"}},
		{[]string{"11_b", "00_a.ipynb"}, []string{"11_b", "00_a"}},
		{[]string{"notebooks/00_a.ipynb", "./11_b.ipynb"}, []string{"00_a", "11_b"}},
		{[]string{"00_a", "12_c"}, nil},
		{[]string{"README.md"}, nil},
	} {
		got, err := w.resolve(test.typed)
		if !slices.Equal(got, test.want) {
			t.Errorf("%q: %q, want %q", test.typed, got, test.want)
		}
		if test.want == nil && (err == nil || !strings.Contains(err.Error(), "00_a, 11_b")) {
			t.Errorf("%q: error %v, want the names there are", test.typed, err)
		}
	}
}

func TestLabArgs(t *testing.T) {
	w := &workbook{root: t.TempDir(), home: t.TempDir()}
	t.Setenv("DISPLAY", ":0")
	args := w.labArgs(command{ip: "0.0.0.0", port: 9000, baseURL: "/class/"})
	for _, want := range []string{"--ServerApp.ip=0.0.0.0", "--ServerApp.port=9000", "--ServerApp.base_url=/class/"} {
		if !slices.Contains(args, want) {
			t.Errorf("no %s in %q", want, args)
		}
	}
	if slices.Contains(args, "--no-browser") {
		t.Error("no browser is opened though there is a screen")
	}
	if slices.ContainsFunc(args, func(arg string) bool { return strings.Contains(arg, "token") || strings.Contains(arg, "password") }) {
		t.Errorf("%q: JupyterLab is to choose its token itself", args)
	}
	if got, want := slices.Contains(args, "--allow-root"), os.Geteuid() == 0; got != want {
		t.Errorf("--allow-root: %v, want %v", got, want)
	}
	own := w.labArgs(command{jupyter: []string{"--ip=0.0.0.0"}})
	if !slices.Contains(own, "--ip=0.0.0.0") || slices.ContainsFunc(own, func(arg string) bool { return strings.HasPrefix(arg, "--ServerApp.ip=") }) {
		t.Errorf("JupyterLab's own options are %q", own) // which refuses an option that is there twice
	}
	if !slices.Contains(w.labArgs(command{noBrowser: true}), "--no-browser") {
		t.Error("-no-browser is ignored")
	}
}
