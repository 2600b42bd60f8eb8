package host

import (
	"strings"
	"testing"
)

func TestFindPip(t *testing.T) {
	t.Setenv(PythonEnv, "")
	for _, test := range []struct {
		name    string
		pythons map[string]string // what each says
		want    string            // its path, or part of the error
	}{
		{"pip without venv", map[string]string{"python3": `{"Path": "/p", "Version": [3, 12, 1], "Pip": "23.0.1"}`}, "/p"},
		{"the one with pip", map[string]string{
			"python3":    `{"Path": "/without", "Version": [3, 12, 1]}`,
			"python3.11": `{"Path": "/with", "Version": [3, 11, 1], "Pip": "24.0"}`}, "/with"},
		{"old pip", map[string]string{"python3": `{"Path": "/p", "Version": [3, 9, 1], "Pip": "20.2.4"}`}, "20.3 or newer"},
		{"old Python", map[string]string{"python3": `{"Path": "/p", "Version": [3, 8, 1], "Pip": "24.0"}`}, "3.9 or newer"},
		{"neither", map[string]string{"python3": `{"Path": "/p", "Version": [3, 12, 1]}`}, "no pip, and its modules venv"},
		{"none", nil, "no python3 and no python"},
	} {
		fakes(t, test.pythons)
		path, err := findPip(t.Context(), t.TempDir())
		if err == nil && path != test.want {
			t.Errorf("%s: chose %s, want %s", test.name, path, test.want)
		}
		if err != nil && !strings.Contains(strings.SplitN(err.Error(), "\n", 2)[0], test.want) {
			t.Errorf("%s: error %v, want %q in its first line", test.name, err, test.want)
		}
	}
}

func TestComplaint(t *testing.T) {
	for out, want := range map[string]string{
		"Looking\nERROR: no such package\nmore": "no such package",
		"a\nb\n":                                "b",
		"ERROR: Exception:\nTraceback\n  x\nOSError: [Errno 28] No space left on device": "OSError: [Errno 28] No space left on device",
	} {
		if got := complaint([]byte(out), nil); got != want {
			t.Errorf("%q: %q, want %q", out, got, want)
		}
	}
}
