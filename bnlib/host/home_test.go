package host

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDir(t *testing.T) {
	clone := filepath.Join(t.TempDir(), "a clone")
	inside := filepath.Join(clone, "notebooks", "deep")
	if err := os.MkdirAll(inside, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(clone, "go.mod"), []byte("module batchnorm\n\ngo 1.26\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "go.mod"), []byte("module batchnormal\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("HOME", cache)
	named := filepath.Join(t.TempDir(), "named", "folder")

	for _, c := range []struct{ name, env, wd, want string }{
		{"in the clone", "", clone, filepath.Join(clone, ".batchnorm")},
		{"deep in the clone", "", inside, filepath.Join(clone, ".batchnorm")},
		{"the variable wins", named, inside, named},
		{"in another module", "", other, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv(DirEnv, c.env)
			t.Chdir(c.wd)
			dir, err := Dir()
			if err != nil {
				t.Fatal(err)
			}
			if c.want == "" { // the user's cache, wherever this system has it
				if !strings.HasPrefix(dir, cache) {
					t.Errorf("outside the clone: %s, want a folder in %s", dir, cache)
				}
			} else if dir != c.want {
				t.Errorf("%s, want %s", dir, c.want)
			}
			if info, err := os.Stat(dir); err != nil || !info.IsDir() {
				t.Errorf("%s was not created: %v", dir, err)
			}
		})
	}

	t.Chdir(other)
	if root, err := Root(); err == nil || !strings.Contains(err.Error(), other) {
		t.Errorf("Root outside a clone: %s, %v", root, err)
	}
}
