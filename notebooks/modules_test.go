package main

import (
	"archive/zip"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// A Go module with a byte changed is refused by go.sum alone, which names the module, what was found and what is pinned.
func TestChangedModule(t *testing.T) {
	const module, version = "github.com/janpfeifer/must", "v0.2.0"
	w := testWorkbook(t)
	cmd := w.golang(t.Context(), "mod", "download", module)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	real := filepath.Join(goEnv(t.Context(), w.root, "GOMODCACHE"), "cache", "download")
	versions := filepath.FromSlash(module + "/@v/" + version)
	for _, changed := range []bool{false, true} {
		proxy := t.TempDir()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(proxy, versions)), 0o755); err != nil {
			t.Fatal(err)
		}
		rewrite(t, filepath.Join(real, versions+".zip"), filepath.Join(proxy, versions+".zip"), changed)
		cmd := w.golang(t.Context(), "mod", "download", module)
		cmd.Env = append(cmd.Env, "GOFLAGS=-mod=readonly -modcacherw", "GOMODCACHE="+t.TempDir(), "GOSUMDB=off",
			"GOPROXY=file://"+proxy+",file://"+real)
		out, err := cmd.CombinedOutput()
		refused := regexp.MustCompile(`(?s)verifying ` + module + `@` + version + `: checksum mismatch\s+downloaded: h1:\S+=\s+go\.sum: +h1:`)
		if (err != nil) != changed || changed && !refused.Match(out) {
			t.Errorf("changed: %v; error %v\n%s", changed, err, out)
		}
	}
}

// rewrite copies an archive, with one byte of its first file changed if wanted.
func rewrite(t *testing.T, from, to string, changed bool) {
	t.Helper()
	r, err := zip.OpenReader(from)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	f, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := zip.NewWriter(f)
	first := slices.IndexFunc(r.File, func(f *zip.File) bool { return f.UncompressedSize64 > 0 })
	for i, file := range r.File {
		in, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		if changed && i == first {
			content[0] ^= 1
		}
		out, err := w.Create(file.Name)
		if err == nil {
			_, err = out.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}
