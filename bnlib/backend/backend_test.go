package backend

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/gomlx/core/graph"
)

// fake is a machine on which plugins are text files, and opening one gives a backend if its text is "good".
type fake struct {
	machine
	mutex  sync.Mutex
	said   []string
	opened []string
	env    string
}

func newFake(t *testing.T, sources ...source) *fake {
	f := &fake{}
	dir := t.TempDir()
	f.machine = machine{
		getenv:  func(string) string { return f.env },
		home:    func() (string, error) { return dir, nil },
		hasGPU:  func() bool { return false },
		sources: sources,
		connect: f.connect,
		say: func(format string, args ...any) {
			f.mutex.Lock()
			defer f.mutex.Unlock()
			f.said = append(f.said, fmt.Sprintf(format, args...))
		},
	}
	return f
}

func (f *fake) connect(config string) (compute.Backend, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.opened = append(f.opened, config)
	path, _, _ := strings.Cut(strings.TrimPrefix(config, "xla:"), ",")
	if config == "go" {
		return gobackend.New("")
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "good" {
		return nil, fmt.Errorf("%s cannot be loaded", path)
	}
	return gobackend.New("") // stands for XLA
}

// shelf is a source that has a plugin of the given text, or fails.
type shelf struct {
	text string
	err  error
	mu   *sync.Mutex
	took *int
}

func (shelf) name() string { return "shelf" }

func (s shelf) fetch(folder string) error {
	if s.took != nil {
		s.mu.Lock()
		*s.took++
		s.mu.Unlock()
	}
	if s.err != nil {
		return s.err
	}
	return os.WriteFile(filepath.Join(folder, "pjrt_c_api_cpu_shelf_plugin."+extension()), []byte(s.text), 0o755)
}

func needXLA(t *testing.T) {
	t.Helper()
	if withoutXLA != "" {
		t.Skip(withoutXLA)
	}
}

func TestVariableWins(t *testing.T) {
	f := newFake(t, shelf{text: "good"})
	f.env = "go"
	if _, err := f.open(); err != nil || len(f.opened) != 1 || f.opened[0] != "go" {
		t.Errorf("opened %v, %v", f.opened, err)
	}
	f.env = "xla:nowhere"
	_, err := f.open()
	if err == nil || !strings.Contains(err.Error(), Env) || !strings.Contains(err.Error(), "xla:nowhere") {
		t.Errorf("a value that cannot be opened: %v", err)
	}
}

func TestInstallsOnce(t *testing.T) {
	needXLA(t)
	took := 0
	f := newFake(t, shelf{err: errors.New("closed")}, shelf{text: "good", mu: new(sync.Mutex), took: &took})
	for range 2 {
		if _, err := f.open(); err != nil {
			t.Fatal(err)
		}
	}
	if took != 1 || len(f.said) != 1 || !strings.Contains(f.said[0], "installing") {
		t.Errorf("installed %d times, said %q", took, f.said)
	}
}

func TestWaitsForTheFirst(t *testing.T) {
	needXLA(t)
	took := 0
	f := newFake(t, shelf{text: "good", mu: new(sync.Mutex), took: &took})
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if b, err := f.openXLA(); b == nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if took != 1 {
		t.Errorf("installed %d times", took)
	}
}

func TestReplacesABrokenPlugin(t *testing.T) {
	needXLA(t)
	f := newFake(t, shelf{text: "good"})
	own, err := f.ours()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(own, 0o755); err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(own, "pjrt_c_api_cpu_zzz_plugin."+extension())
	if err := os.WriteFile(broken, []byte("half"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := f.open(); err != nil || f.said == nil {
		t.Errorf("%v, said %q", err, f.said)
	}
	if _, err := os.Stat(broken); !os.IsNotExist(err) {
		t.Errorf("the broken plugin is still there: %v", err)
	}
}

func TestUsesAPluginOfTheSystem(t *testing.T) {
	needXLA(t)
	f := newFake(t)
	f.system = []string{filepath.Join(t.TempDir(), "with space, and comma")}
	if err := os.MkdirAll(f.system[0], 0o755); err != nil {
		t.Fatal(err)
	}
	plugin := filepath.Join(f.system[0], "pjrt_c_api_cpu_v1_plugin."+extension())
	if err := os.WriteFile(plugin, []byte("good"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := f.open(); err != nil || len(f.said) != 0 {
		t.Errorf("%v, opened %q, said %q", err, f.opened, f.said)
	}
}

func TestPureGoIsTheLastResort(t *testing.T) {
	f := newFake(t, shelf{err: errors.New("closed")}, shelf{err: errors.New("no pip\nand more")})
	b, err := f.open()
	if err != nil || b.Name() == "xla" {
		t.Fatalf("opened %v, %v", b, err)
	}
	last := f.said[len(f.said)-1]
	wants := []string{"no XLA", "20 times slower", "to mend it"}
	if withoutXLA == "" {
		wants = append(wants, "closed", "no pip")
	}
	for _, want := range wants {
		if !strings.Contains(last, want) {
			t.Errorf("said %q, which does not say %q", last, want)
		}
	}
	if strings.Contains(last, "\n") {
		t.Errorf("said more than a line: %q", last)
	}
}

func TestGPU(t *testing.T) {
	needXLA(t)
	f := newFake(t, shelf{text: "good"})
	f.hasGPU = func() bool { return true }
	f.system = []string{t.TempDir()}
	nvidia := filepath.Join(f.system[0], "nvidia")
	if err := os.MkdirAll(nvidia, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(nvidia, "pjrt_c_api_cuda_plugin."+extension()), []byte("good"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := f.open(); err != nil || len(f.opened) != 1 || !strings.HasSuffix(f.opened[0], "cuda_plugin."+extension()+float32Only) {
		t.Errorf("%v, opened %q: want the GPU's plugin, in float32", err, f.opened)
	}
}

// TestWheel downloads from a package index on this machine, through pip.
func TestWheel(t *testing.T) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("the Python package is for linux/amd64")
	}
	const file = "some_plugin-1.0-py3-none-any.whl"
	archive := wheelArchive(t)
	sum := sha256.Sum256(archive)
	mux := http.NewServeMux()
	mux.HandleFunc("/simple/some-plugin/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `<a href="/files/%s">%s</a>`, file, file)
	})
	mux.HandleFunc("/files/"+file, func(w http.ResponseWriter, r *http.Request) { w.Write(archive) })
	server := httptest.NewServer(mux)
	defer server.Close()
	t.Setenv("PIP_INDEX_URL", server.URL+"/simple")
	t.Setenv("PIP_EXTRA_INDEX_URL", "")
	t.Setenv("PIP_FIND_LINKS", "")
	t.Setenv("PIP_CONFIG_FILE", os.DevNull)

	good := wheel{"some-plugin==1.0", hex.EncodeToString(sum[:]), "some_plugin/lib.so"}
	folder := t.TempDir()
	if err := good.fetch(folder); err != nil {
		t.Fatal(err)
	}
	entries, _ := os.ReadDir(folder)
	if len(entries) != 1 {
		t.Fatalf("left %v", entries)
	}
	if text, err := os.ReadFile(filepath.Join(folder, entries[0].Name())); err != nil || string(text) != "good" {
		t.Errorf("the plugin is %q, %v", text, err)
	}

	wrong := good
	wrong.sha256 = strings.Repeat("0", 64)
	folder = t.TempDir()
	if err := wrong.fetch(folder); err == nil {
		t.Error("another sha256: no error")
	}
	if entries, _ := os.ReadDir(folder); len(entries) != 0 {
		t.Errorf("a refused package left %v", entries)
	}
	missing := good
	missing.member = "some_plugin/other.so"
	if err := missing.fetch(t.TempDir()); err == nil || !strings.Contains(err.Error(), "other.so") {
		t.Errorf("a package without the plugin: %v", err)
	}
}

// wheelArchive is the smallest package that pip downloads.
func wheelArchive(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, text := range map[string]string{
		"some_plugin/lib.so":                 "good",
		"some_plugin-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: some-plugin\nVersion: 1.0\n",
		"some_plugin-1.0.dist-info/WHEEL":    "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
		"some_plugin-1.0.dist-info/RECORD":   "",
	} {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		f.Write([]byte(text))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestOpen opens the backend of this machine and computes with it.
func TestOpen(t *testing.T) {
	b, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	sum, err := graph.CallOnce(b, func(x, y *graph.Node) *graph.Node { return graph.Add(x, y) }, float32(1), float32(1))
	if err != nil || sum.Value() != float32(2) {
		t.Errorf("1 + 1 = %v, %v", sum, err)
	}
	if again, _ := Open(); again != b {
		t.Error("opened twice")
	}
	if Name(b) == "" || strings.ContainsAny(Name(b), "\n/") {
		t.Errorf("name %q: want a line without paths", Name(b))
	}
	if withoutXLA == "" && runtime.GOOS == "linux" && runtime.GOARCH == "amd64" && os.Getenv(Env) == "" && b.Name() != "xla" {
		t.Errorf("opened %s, want XLA", Name(b))
	}
}
