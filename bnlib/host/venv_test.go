package host

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A package with a byte changed is not installed, and the error names it, what was found and what is pinned. The one without
// gets as far as being unpacked, which it is not made for.
func TestVenvRefuses(t *testing.T) {
	dir := t.TempDir()
	v := Venv{Dir: filepath.Join(dir, "venv"), Minor: 10, Requirements: filepath.Join(dir, "requirements.txt"),
		Env: append(os.Environ(), "PIP_NO_INDEX=1", "PIP_FIND_LINKS="+dir, "PIP_CONFIG_FILE="+os.DevNull)}
	const name = "some_package-1.0-py3-none-any.whl"
	content := []byte("what was published")
	pinned := fmt.Sprintf("%x", sha256.Sum256(content))
	write := func(name string, content []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("requirements.txt", []byte("some-package==1.0 --hash=sha256:"+pinned+"\n"))
	install := func() string {
		t.Helper()
		err := v.Install(t.Context(), new(bytes.Buffer), func(cmd *exec.Cmd, advice string) error {
			if out, err := cmd.CombinedOutput(); err != nil {
				return fmt.Errorf("%w\n%s", err, out)
			}
			return nil
		})
		if err == nil {
			t.Fatal("no error")
		}
		return err.Error()
	}
	write(name, content)
	if said := install(); strings.Contains(said, "HASHES") || !strings.Contains(said, name) {
		t.Errorf("the package as it was published: %s", said)
	}
	content[0] ^= 1
	write(name, content)
	said := install()
	for _, part := range []string{name, "Expected sha256 " + pinned, fmt.Sprintf("%x", sha256.Sum256(content))} {
		if !strings.Contains(said, part) {
			t.Errorf("no %q in: %s", part, said)
		}
	}
}
