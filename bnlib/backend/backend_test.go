package backend

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/gomlx/core/graph"
)

// fake is a machine on which plugins are text files: one whose text begins with "good" can be loaded, and one whose text is
// "good" opened.
type fake struct {
	world
	mutex  sync.Mutex
	said   []string
	opened []string
	env    string
	clock  time.Time
}

func newFake(t *testing.T, sources ...source) *fake {
	f := &fake{clock: time.Now()}
	dir := t.TempDir()
	f.world = world{
		getenv:  func(string) string { return f.env },
		home:    func() (string, error) { return dir, nil },
		hasGPU:  func() bool { return false },
		sources: map[kind][]source{cpu: sources},
		load: func(path string) error {
			if text, err := os.ReadFile(path); err != nil || !strings.HasPrefix(string(text), "good") {
				return fmt.Errorf("%s cannot be loaded", path)
			}
			return nil
		},
		connect: f.connect,
		now:     func() time.Time { return f.clock },
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
	if config == "go" {
		return gobackend.New("")
	}
	path, _, _ := strings.Cut(strings.TrimPrefix(config, "xla:"), ",")
	if text, err := os.ReadFile(path); err != nil || string(text) != "good" {
		return nil, fmt.Errorf("%s cannot be opened", path)
	}
	return gobackend.New("") // stands for XLA
}

// put puts a plugin into a folder.
func put(t *testing.T, folder, name, text string) (path string) {
	t.Helper()
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(folder, name)
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// shelf is a source that has a plugin of the given text, or fails.
type shelf struct {
	text string
	err  error
	took *atomic.Int32
	wait func() // before it answers
}

func (shelf) name() string { return "shelf" }

func (s shelf) fetch(folder string) error {
	if s.took != nil {
		s.took.Add(1)
	}
	if s.wait != nil {
		s.wait()
	}
	if s.err != nil {
		return s.err
	}
	return os.WriteFile(filepath.Join(folder, shelfFile), []byte(s.text), 0o755)
}

const shelfFile = "pjrt_c_api_cpu_shelf_plugin.so"

func needXLA(t *testing.T) {
	t.Helper()
	if withoutXLA != "" {
		t.Skip(withoutXLA)
	}
}

func TestVariableWins(t *testing.T) {
	f := newFake(t, shelf{text: "good"})
	f.env = "go"
	if _, err := f.open(); err != nil || !slices.Equal(f.opened, []string{"go"}) {
		t.Errorf("opened %v, %v", f.opened, err)
	}
	for _, env := range []string{"xla:nowhere", "xla:/no/such/plugin.so", "nonsense"} {
		f.env = env
		if env == "nonsense" {
			f.world.connect = connect // GoMLX panics
		}
		_, err := f.open()
		if err == nil || !strings.Contains(err.Error(), Env) || !strings.Contains(err.Error(), env) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want one line that names the variable and its value", env, err)
		}
	}
}

// TestVariableNamesAKind opens the project's own plugin for "xla:cpu", with the options of the variable and no other, also where
// there is a GPU.
func TestVariableNamesAKind(t *testing.T) {
	needXLA(t)
	for env, options := range map[string]string{"xla": "", "xla:cpu": "", "xla:,noshared_buffers": ",noshared_buffers", "xla:cpu,tf32": ",tf32"} {
		f := newFake(t, shelf{text: "good"})
		f.env = env
		_, err := f.open()
		own, _ := f.ours()
		if want := "xla:" + filepath.Join(own, shelfFile) + options; err != nil || !slices.Equal(f.opened, []string{want}) {
			t.Errorf("%s opened %q, %v, want %s", env, f.opened, err, want)
		}
	}
	f := newFake(t, shelf{err: errors.New("closed")})
	f.env = "xla:cpu"
	if b, err := f.open(); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("opened %v, %v: want no other backend than the one asked for", b, err)
	}
}

func TestInstallsOnce(t *testing.T) {
	needXLA(t)
	var took atomic.Int32
	f := newFake(t, shelf{err: errors.New("closed")}, shelf{text: "good", took: &took})
	for range 2 {
		if _, err := f.open(); err != nil {
			t.Fatal(err)
		}
	}
	if took.Load() != 1 || len(f.said) != 2 || !strings.Contains(f.said[0], "installing") {
		t.Errorf("installed %d times, said %q", took.Load(), f.said)
	}
}

// TestHave installs without opening anything.
func TestHave(t *testing.T) {
	var took atomic.Int32
	f := newFake(t, shelf{text: "of another machine", took: &took})
	own, err := f.ours()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if path, err := f.have(cpu); err != nil || path != filepath.Join(own, shelfFile) {
			t.Errorf("have %s, %v", path, err)
		}
	}
	if took.Load() != 1 || len(f.opened) > 0 {
		t.Errorf("installed %d times, opened %q", took.Load(), f.opened)
	}
	f = newFake(t, shelf{err: errors.New("closed")})
	if path, err := f.have(cpu); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("have %s, %v", path, err)
	}
}

// TestProcesses has two processes open a backend in one folder: one installs while the other waits, and both use it.
func TestProcesses(t *testing.T) {
	needXLA(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var group sync.WaitGroup
	var out [2][]byte
	for i := range out {
		cmd := exec.Command(self, "-test.run=^TestProcess$", "-test.v")
		cmd.Env = append(os.Environ(), "BACKEND_TEST_HOME="+dir)
		group.Go(func() {
			var err error
			if out[i], err = cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out[i])
			}
		})
	}
	group.Wait()
	all := string(out[0]) + string(out[1])
	if n := strings.Count(all, "SAID backend: installing"); n != 1 {
		t.Errorf("%d processes installed, want 1:\n%s", n, all)
	}
	if n := strings.Count(all, "SAID backend: another process is installing"); n != 1 {
		t.Errorf("%d processes waited, want 1:\n%s", n, all)
	}
}

// TestProcess is one of the processes of TestProcesses.
func TestProcess(t *testing.T) {
	dir := os.Getenv("BACKEND_TEST_HOME")
	if dir == "" {
		t.Skip("TestProcesses runs it")
	}
	// The source answers when the other process is known to have started.
	if err := os.WriteFile(filepath.Join(dir, fmt.Sprint("started", os.Getpid())), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	f := newFake(t, shelf{text: "good", wait: func() {
		for range 1000 {
			if started, _ := filepath.Glob(filepath.Join(dir, "started*")); len(started) == 2 {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(300 * time.Millisecond)
	}})
	f.home = func() (string, error) { return dir, nil }
	if _, err := f.open(); err != nil {
		t.Error(err)
	}
	for _, line := range f.said {
		fmt.Println("SAID", line)
	}
}

func TestWaitsForTheFirst(t *testing.T) {
	needXLA(t)
	var took atomic.Int32
	f := newFake(t, shelf{text: "good", took: &took})
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if _, err := f.openXLA(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if took.Load() != 1 {
		t.Errorf("installed %d times", took.Load())
	}
}

func TestReplacesABrokenPlugin(t *testing.T) {
	needXLA(t)
	f := newFake(t, shelf{text: "good"})
	own, err := f.ours()
	if err != nil {
		t.Fatal(err)
	}
	broken := put(t, own, "pjrt_c_api_cpu_zzz_plugin.so", "half")
	part := put(t, filepath.Join(own, ".part-1"), "plugin", "half")
	if _, err := f.open(); err != nil || f.said == nil {
		t.Errorf("%v, said %q", err, f.said)
	}
	for _, path := range []string{broken, part} {
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", path, err)
		}
	}
}

// TestInstallsABadPluginOnce has a source whose plugin can't be used here: a second start does not download it again.
func TestInstallsABadPluginOnce(t *testing.T) {
	needXLA(t)
	for _, text := range []string{"bad", "good but not here"} {
		var took atomic.Int32
		f := newFake(t, shelf{text: text, took: &took})
		for range 3 {
			f.clock = f.clock.Add(100 * time.Hour)
			if b, err := f.open(); err != nil || !strings.Contains(f.said[len(f.said)-1], "pure-Go backend") {
				t.Errorf("%s: opened %v, %v, said %q", text, b, err, f.said)
			}
		}
		if took.Load() != 1 {
			t.Errorf("%s: installed %d times", text, took.Load())
		}
	}
}

// TestTriesAgainLater has a network that does not answer: what that costs is bounded, and it is used when it is back.
func TestTriesAgainLater(t *testing.T) {
	needXLA(t)
	var took atomic.Int32
	f := newFake(t)
	f.sources[cpu] = []source{shelf{err: errors.New("no network"), took: &took, wait: func() { f.clock = f.clock.Add(4 * time.Second) }}}
	for range 3 {
		if b, err := f.open(); err != nil || !strings.Contains(f.said[len(f.said)-1], "no network") {
			t.Fatalf("opened %v, %v, said %q", b, err, f.said)
		}
	}
	if took.Load() != 1 {
		t.Errorf("tried %d times within seconds", took.Load())
	}
	f.clock = f.clock.Add(41 * time.Second)
	f.sources[cpu] = []source{shelf{text: "good"}}
	if _, err := f.open(); err != nil || len(f.opened) != 1 {
		t.Errorf("later: opened %q, %v", f.opened, err)
	}
}

func TestUsesAPluginOfTheSystem(t *testing.T) {
	needXLA(t)
	for _, folder := range []string{"lib", "with space", "and, comma", "nvidia/cuda", "linux_amd64", "pÅth"} {
		f := newFake(t)
		f.system = []string{filepath.Join(t.TempDir(), folder)}
		put(t, f.system[0], "pjrt_c_api_cpu_v1_plugin.so", "good")
		b, err := f.openXLA()
		if err != nil || b == nil || len(f.said) != 0 || len(f.opened) != 1 {
			t.Errorf("%s: %v, opened %q, said %q", folder, err, f.opened, f.said)
			continue
		}
		name := strings.TrimPrefix(f.opened[0], "xla:")
		if !plain(cpu, name) {
			t.Errorf("%s: opened %s", folder, name)
		}
		if _, err := os.Lstat(name); !strings.HasPrefix(name, f.system[0]) && !os.IsNotExist(err) {
			t.Errorf("%s: the link %s was left behind", folder, name)
		}
	}
}

// TestReplacesAnOldPluginOfTheSystem has one that loads but does not work with this go-xla: it stays, and is passed over.
func TestReplacesAnOldPluginOfTheSystem(t *testing.T) {
	needXLA(t)
	f := newFake(t, shelf{text: "good"})
	f.system = []string{t.TempDir()}
	old := put(t, f.system[0], "pjrt_c_api_cpu_v0.1.0_plugin.so", "good ten years ago")
	if _, err := f.openXLA(); err != nil || !strings.HasSuffix(f.opened[len(f.opened)-1], shelfFile) {
		t.Errorf("opened %q, %v", f.opened, err)
	}
	if _, err := os.Stat(old); err != nil {
		t.Error(err)
	}
}

// TestOrder prefers the project's own plugins, then those of go-xla's version, and takes no other files for plugins.
func TestOrder(t *testing.T) {
	f := newFake(t)
	own, _ := f.ours()
	system := t.TempDir()
	f.system = []string{system}
	for _, name := range []string{"pjrt_c_api_cuda_plugin.so", "libpjrt_cpu.so", "pjrt_c_api_cpu_plugin.so.lock", "cpu.so", "pjrt_c_api_tpu_plugin.so"} {
		put(t, system, name, "good")
	}
	want := []string{
		put(t, own, "pjrt_c_api_cpu_88b1c430_plugin.so", ""),
		put(t, system, "pjrt_c_api_cpu_"+testedVersion+"_plugin.so", ""),
		put(t, system, "pjrt_c_api_cpu_v0.98.0_plugin.so", ""),
		put(t, system, "pjrt_c_api_cpu_plugin.dylib", ""),
	}
	if got := f.installed(cpu); !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
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
	for _, folder := range []string{"lib/go-xla", "with space/go-xla", "and, comma/go-xla", "amd64/go-xla"} {
		f := newFake(t, shelf{text: "good"})
		f.hasGPU = func() bool { return true }
		f.system = []string{filepath.Join(t.TempDir(), folder)}
		put(t, filepath.Join(f.system[0], "nvidia"), "pjrt_c_api_cuda_plugin.so", "good")
		if _, err := f.open(); err != nil || len(f.opened) != 1 {
			t.Fatalf("%s: opened %q, %v", folder, f.opened, err)
		}
		name, ok := strings.CutSuffix(strings.TrimPrefix(f.opened[0], "xla:"), float32Only)
		if !ok || !plain(cuda, name) || !strings.HasSuffix(name, "/nvidia/pjrt_c_api_cuda_plugin.so") {
			t.Errorf("%s: opened %q: want the GPU's plugin, in float32", folder, f.opened)
		}
		// It stays reachable by that name, with the libraries beside it.
		if _, err := os.Stat(name); err != nil {
			t.Error(err)
		}
		if link := filepath.Dir(filepath.Dir(filepath.Dir(name))); !strings.HasPrefix(name, f.system[0]) {
			os.RemoveAll(link)
		}
	}
}

// TestGPUThatFails has a GPU whose plugin loads, but does not work, as with a driver that is too old: no gigabytes are
// downloaded again, and the processor trains.
func TestGPUThatFails(t *testing.T) {
	needXLA(t)
	var took atomic.Int32
	f := newFake(t, shelf{text: "good"})
	f.hasGPU = func() bool { return true }
	f.sources[cuda] = []source{shelf{err: errors.New("never to be asked"), took: &took}}
	own, _ := f.ours()
	plugin := put(t, filepath.Join(own, "nvidia"), "pjrt_c_api_cuda_plugin.so", "good, but the driver is too old")
	b, err := f.open()
	if err != nil || took.Load() != 0 || !strings.HasSuffix(f.opened[len(f.opened)-1], shelfFile) {
		t.Errorf("opened %v as %q, %v; asked for another plugin %d times", b, f.opened, err, took.Load())
	}
	if !strings.Contains(f.said[0], "GPU cannot be used") {
		t.Errorf("said %q", f.said)
	}
	if _, err := os.Stat(plugin); err != nil {
		t.Error(err)
	}
}

func TestDescribe(t *testing.T) {
	needXLA(t)
	f := newFake(t)
	own, _ := f.ours()
	if r := f.describe(); r.Choice != "xla:cpu" || r.Plugin != "" || r.Folder != own || !strings.Contains(r.String(), "installs one") {
		t.Errorf("nothing installed: %+v", r)
	}
	if err := os.MkdirAll(own, 0o755); err != nil {
		t.Fatal(err)
	}
	f.postpone(cpu, errors.New("no network"), f.clock.Add(time.Minute))
	if r := f.describe(); r.Choice != "go" || !strings.Contains(r.String(), "no network") {
		t.Errorf("nothing to be had: %+v", r)
	}
	self, err := os.Executable() // a library that is whole
	if err != nil {
		t.Fatal(err)
	}
	f.system = []string{t.TempDir()}
	plugin := filepath.Join(f.system[0], "pjrt_c_api_cpu_plugin.so")
	if err := os.Symlink(self, plugin); err != nil {
		t.Fatal(err)
	}
	f.hasGPU = func() bool { return true }
	f.postpone(cuda, errors.New("no driver"), time.Time{})
	if r := f.describe(); r.Choice != "xla:cpu" || r.Plugin != plugin || !strings.Contains(r.String(), "no driver") {
		t.Errorf("a plugin of the system, a GPU without: %+v", r)
	}
	f.env = "go"
	if r := f.describe(); r.Choice != "go" || r.Plugin != "" || r.Variable != "go" {
		t.Errorf("%s=go: %+v", Env, r)
	}
	if len(f.opened) != 0 {
		t.Errorf("opened %q", f.opened)
	}
}

func TestTryAgain(t *testing.T) {
	f := newFake(t)
	own, _ := f.ours()
	if err := os.MkdirAll(own, 0o755); err != nil {
		t.Fatal(err)
	}
	f.postpone(cpu, errors.New("no space"), f.clock.Add(time.Minute))
	f.postpone(cuda, errors.New("no driver"), time.Time{})
	f.tryAgain()
	if err := f.postponed(cpu); err != nil {
		t.Errorf("what failed lately is not tried: %v", err)
	}
	if err := f.postponed(cuda); err == nil {
		t.Error("what failed for good is tried again")
	}
}

func TestWhole(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads ELF files")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := whole(self); err != nil {
		t.Errorf("this program: %v", err)
	}
	program, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 3, 100, len(program) / 2, len(program) - 1} {
		part := put(t, t.TempDir(), "pjrt_c_api_cpu_plugin.so", string(program[:n]))
		if n == len(program)-1 && whole(part) == nil {
			continue // Go's linker may put symbols behind the section headers
		}
		if err := loadPlugin(part); err == nil {
			t.Errorf("%d of %d bytes were loaded", n, len(program))
		}
	}
}

// TestRelease downloads from a server on this machine, laid out as GoMLX's releases.
func TestRelease(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the releases for Windows are zip files")
	}
	var archive bytes.Buffer
	zipped := gzip.NewWriter(&archive)
	w := tar.NewWriter(zipped)
	plugin := executable(t)
	name := "pjrt_c_api_cpu_" + testedVersion + "_plugin.so"
	for _, file := range []struct{ name, text string }{{"LICENSE", "free"}, {name, plugin}} {
		w.WriteHeader(&tar.Header{Name: file.name, Mode: 0o644, Size: int64(len(file.text)), Typeflag: tar.TypeReg})
		w.Write([]byte(file.text))
	}
	if err := errors.Join(w.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	asset := fmt.Sprintf("/%s/pjrt_cpu_%s_%s.tar.gz", testedVersion, runtime.GOOS, runtime.GOARCH)
	mux := http.NewServeMux()
	about := func(text string) {
		mux.HandleFunc("/about/"+cmp.Or(text, "none")+"/"+testedVersion, func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, `{"assets": [{"name": "other", "digest": "sha256:00"}, {"name": %q, "digest": %q}]}`, path.Base(asset), text)
		})
	}
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256(archive.Bytes()))
	for _, text := range []string{digest, "", "sha256:00"} {
		about(text)
	}
	mux.HandleFunc("/good"+asset, func(w http.ResponseWriter, r *http.Request) { w.Write(archive.Bytes()) })
	mux.HandleFunc("/short"+asset, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(archive.Len()))
		w.Write(archive.Bytes()[:archive.Len()/2])
	})
	mux.HandleFunc("/half"+asset, func(w http.ResponseWriter, r *http.Request) { w.Write(archive.Bytes()[:archive.Len()/2]) })
	server := httptest.NewServer(mux)
	defer server.Close()

	folder := t.TempDir()
	if err := (release{server.URL + "/good", server.URL + "/about/" + digest}).fetch(folder); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(folder, name)); err != nil || string(text) != plugin {
		t.Errorf("the plugin has %d bytes, %v, want %d", len(text), err, len(plugin))
	}
	for _, test := range []struct{ page, digest, want string }{
		{"/short", digest, "unexpected EOF"},
		{"/half", digest, "has the sha256"},
		{"/missing", digest, "404"},
		{"/good", "sha256:00", "has the sha256"},
		{"/good", "", "no sha256"},
		{"/good", "missing", "404"},
	} {
		folder := t.TempDir()
		err := release{server.URL + test.page, server.URL + "/about/" + cmp.Or(test.digest, "none")}.fetch(folder)
		entries, _ := os.ReadDir(folder)
		if err == nil || !strings.Contains(err.Error(), test.want) || len(entries) != 0 {
			t.Errorf("%s with %q: error %v, want %q; left %v", test.page, test.digest, err, test.want, entries)
		}
	}
	server.Close()
	start := time.Now()
	if err := (release{server.URL, server.URL}).fetch(t.TempDir()); err == nil || !strings.Contains(err.Error(), "cannot be reached") || time.Since(start) > 5*time.Second {
		t.Errorf("no server: %v after %v", err, time.Since(start))
	}
}

// executable is the smallest file that passes for a plugin.
func executable(t *testing.T) string {
	t.Helper()
	if runtime.GOOS != "linux" {
		return "good"
	}
	var b bytes.Buffer
	header := elf.Header64{Type: uint16(elf.ET_DYN), Machine: uint16(elf.EM_X86_64), Version: uint32(elf.EV_CURRENT), Ehsize: 64}
	copy(header.Ident[:], elf.ELFMAG)
	header.Ident[elf.EI_CLASS], header.Ident[elf.EI_DATA], header.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)
	if runtime.GOARCH == "arm64" {
		header.Machine = uint16(elf.EM_AARCH64)
	}
	if err := binary.Write(&b, binary.LittleEndian, header); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestWheel downloads from a package index on this machine, through pip.
func TestWheel(t *testing.T) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("the Python package is for linux/amd64")
	}
	plugin := executable(t)
	archive := wheelArchive(t, "some_plugin", map[string]string{"some_plugin/lib.so": plugin})
	sum := sha256.Sum256(archive)
	servePackages(t, map[string][]byte{"some_plugin": archive})

	good := wheel{"some-plugin==1.0", hex.EncodeToString(sum[:]), "some_plugin/lib.so"}
	folder := t.TempDir()
	if err := good.fetch(folder); err != nil {
		t.Fatal(err)
	}
	entries, _ := os.ReadDir(folder)
	if len(entries) != 1 {
		t.Fatalf("left %v", entries)
	}
	if text, err := os.ReadFile(filepath.Join(folder, entries[0].Name())); err != nil || string(text) != plugin {
		t.Errorf("the plugin is %q, %v", text, err)
	}

	archive, refused := changed(t, archive, good.sha256)
	servePackages(t, map[string][]byte{"some_plugin": archive})
	folder = t.TempDir()
	if err := good.fetch(folder); err == nil || !refused.MatchString(err.Error()) {
		t.Errorf("a changed byte: %v", err)
	}
	if entries, _ := os.ReadDir(folder); len(entries) != 0 {
		t.Errorf("a refused package left %v", entries)
	}
	archive[len(archive)/2] ^= 1
	servePackages(t, map[string][]byte{"some_plugin": archive})
	missing := good
	missing.member = "some_plugin/other.so"
	if err := missing.fetch(t.TempDir()); err == nil || !strings.Contains(err.Error(), "other.so") {
		t.Errorf("a package without the plugin: %v", err)
	}

	// A Python without pip, as Debian's, has venv.
	real, err := exec.LookPath("python3")
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	script := "#!/bin/sh\n'" + real + "' \"$@\" | sed 's/\"Pip\": \"[^\"]*\"/\"Pip\": \"\"/'\n"
	if err := os.WriteFile(filepath.Join(bin, "python"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("BATCHNORM_PYTHON", filepath.Join(bin, "python"))
	if err := good.fetch(t.TempDir()); err != nil {
		t.Errorf("a Python without pip: %v", err)
	}
}

// TestNVIDIA installs the plugin for GPUs from a package index on this machine, over an older one.
func TestNVIDIA(t *testing.T) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("the Python packages are for linux/amd64")
	}
	plugin := executable(t)
	archives := map[string][]byte{
		"jax_cuda13_pjrt": wheelArchive(t, "jax_cuda13_pjrt", map[string]string{"jax_plugins/xla_cuda13/xla_cuda_plugin.so": plugin}),
		"nvidia_cublas":   wheelArchive(t, "nvidia_cublas", map[string]string{"nvidia/cu13/lib/libcublas.so.13": "blas", "nvidia/cu13/lib/libcublasLt.so.13": "light"}),
		"nvidia_nvcc":     wheelArchive(t, "nvidia_nvcc", map[string]string{"nvidia/cu13/bin/ptxas": "#!/bin/sh\necho assembled\n"}),
	}
	servePackages(t, archives)
	var requirements strings.Builder
	for name, archive := range archives {
		fmt.Fprintf(&requirements, "%s==1.0 --hash=sha256:%x\n", name, sha256.Sum256(archive))
	}
	folder := filepath.Join(t.TempDir(), "lib", "go-xla")
	old := put(t, filepath.Join(folder, "nvidia"), "old.so", "old")
	if err := (nvidia{requirements.String()}).fetch(folder); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"nvidia/pjrt_c_api_cuda_plugin.so": plugin,
		"nvidia/cu13/lib/libcublas.so.13":  "blas",
		"../libcublas.so.13":               "blas",
		"../libcublasLt.so.13":             "light",
	} {
		if text, err := os.ReadFile(filepath.Join(folder, name)); err != nil || string(text) != want {
			t.Errorf("%s is %q, %v", name, text, err)
		}
	}
	if out, err := exec.Command(filepath.Join(folder, "nvidia", "bin", "ptxas")).Output(); err != nil || string(out) != "assembled\n" {
		t.Errorf("ptxas says %q, %v", out, err)
	}
	if entries, _ := os.ReadDir(folder); len(entries) != 1 {
		t.Errorf("left %v", entries)
	}
	if _, err := os.Stat(old); !os.IsNotExist(err) {
		t.Errorf("the older one is still there: %v", err)
	}
	var refused *regexp.Regexp
	archives["nvidia_nvcc"], refused = changed(t, archives["nvidia_nvcc"], "[0-9a-f]{64}")
	servePackages(t, archives)
	if err := (nvidia{requirements.String()}).fetch(folder); err == nil || !refused.MatchString(err.Error()) {
		t.Errorf("a changed byte: %v", err)
	}
	if _, err := os.Stat(filepath.Join(folder, "nvidia", "pjrt_c_api_cuda_plugin.so")); err != nil {
		t.Errorf("a failed installation took what was there: %v", err)
	}
}

// TestGPUPackages checks that every package is pinned, and to one version of CUDA.
func TestGPUPackages(t *testing.T) {
	pinned := regexp.MustCompile(`^(jax-cuda13-pjrt|nvidia-[a-z0-9-]+)==[0-9.]+ --hash=sha256:[0-9a-f]{64}$`)
	lines := strings.Split(strings.TrimSpace(gpuPackages), "\n")
	for _, line := range lines {
		if !pinned.MatchString(line) {
			t.Errorf("%q is not pinned", line)
		}
	}
	if !strings.Contains(gpuPackages, "jax-cuda13-pjrt==") || len(lines) < 2 {
		t.Errorf("%d packages", len(lines))
	}
}

// servePackages serves packages of version 1.0 to pip, from this machine.
func servePackages(t *testing.T, archives map[string][]byte) {
	t.Helper()
	mux := http.NewServeMux()
	for name, archive := range archives {
		file := name + "-1.0-py3-none-any.whl"
		mux.HandleFunc("/simple/"+strings.ReplaceAll(name, "_", "-")+"/", func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, `<a href="/files/%s">%s</a>`, file, file)
		})
		mux.HandleFunc("/files/"+file, func(w http.ResponseWriter, r *http.Request) { w.Write(archive) })
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	t.Setenv("PIP_INDEX_URL", server.URL+"/simple")
	t.Setenv("PIP_EXTRA_INDEX_URL", "")
	t.Setenv("PIP_FIND_LINKS", "")
	t.Setenv("PIP_CONFIG_FILE", os.DevNull)
	t.Setenv("NO_PROXY", "127.0.0.1")
}

// changed is an archive with one byte changed, and what the error says of it that refuses it: which file, the sha256 found, and
// the one that is pinned.
func changed(t *testing.T, archive []byte, pinned string) ([]byte, *regexp.Regexp) {
	t.Helper()
	archive = bytes.Clone(archive)
	archive[len(archive)/2] ^= 1
	return archive, regexp.MustCompile(fmt.Sprintf(`-1\.0-py3-none-any\.whl\S* has the sha256 %x, want %s`, sha256.Sum256(archive), pinned))
}

// wheelArchive is the smallest package that pip downloads, of version 1.0, with some files.
func wheelArchive(t *testing.T, name string, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	info := name + "-1.0.dist-info/"
	files[info+"METADATA"] = "Metadata-Version: 2.1\nName: " + name + "\nVersion: 1.0\n"
	files[info+"WHEEL"] = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
	files[info+"RECORD"] = ""
	for file, text := range files {
		f, err := w.Create(file)
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
	checkAdds(t, b)
	if again, _ := Open(); again != b {
		t.Error("opened twice")
	}
	if Name(b) == "" || strings.ContainsAny(Name(b), "\n/") {
		t.Errorf("name %q: want a line without paths", Name(b))
	}
	if withoutXLA == "" && runtime.GOOS == "linux" && runtime.GOARCH == "amd64" && os.Getenv(Env) == "" && b.Name() != "xla" {
		t.Errorf("opened %s, want XLA", Name(b))
	}
	if strings.HasPrefix(Name(b), "xla:cpu") && !b.HasSharedBuffers() {
		t.Error("every number that goes in and out is copied: no shared buffers")
	}
	if n := b.NumDevices(); strings.HasPrefix(Name(b), "xla:cpu") && n != 1 {
		t.Errorf("%d devices, and so as many threads on each core or more: want 1", n)
	}
}

// TestOpenByAnOddPath opens XLA's real plugin where its path alone would be misunderstood.
func TestOpenByAnOddPath(t *testing.T) {
	b, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	m := standard()
	found := m.installed(cpu)
	if !strings.HasPrefix(Name(b), "xla:cpu") || len(found) == 0 {
		t.Skipf("the backend is %s", Name(b))
	}
	folder := filepath.Join(t.TempDir(), "of nvidia and AMD, with a comma")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, filepath.Base(found[0]))
	if err := os.Symlink(found[0], path); err != nil {
		t.Fatal(err)
	}
	odd, err := m.openPlugin(cpu, path, "")
	if err != nil {
		t.Fatal(err)
	}
	checkAdds(t, odd)
	if Name(odd) != Name(b) || !odd.HasSharedBuffers() {
		t.Errorf("name %q, shared buffers %v; by a plain path %q", Name(odd), odd.HasSharedBuffers(), Name(b))
	}
}

func checkAdds(t *testing.T, b compute.Backend) {
	t.Helper()
	sum, err := graph.CallOnce(b, func(x, y *graph.Node) *graph.Node { return graph.Add(x, y) }, float32(1), float32(1))
	if err != nil || sum.Value() != float32(2) {
		t.Errorf("1 + 1 = %v, %v", sum, err)
	}
}

func BenchmarkName(b *testing.B) {
	opened, err := Open()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		Name(opened)
	}
}
