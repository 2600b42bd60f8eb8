package host

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fakes puts programs on the path that say what a Python says.
func fakes(t *testing.T, pythons map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for name, says := range pythons {
		script := "#!/bin/sh\necho '" + says + "'\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
}

func TestFindPython(t *testing.T) {
	for _, test := range []struct {
		name    string
		pythons map[string]string // what each says
		env     string
		want    string // its path, or part of the error
	}{
		{"good", map[string]string{"python3": `{"Path": "/p", "Version": [3, 12, 1], "Venv": true}`}, "", "/p"},
		{"none", nil, "", "no python3 and no python"},
		{"old", map[string]string{"python3": `{"Path": "/p", "Version": [3, 9, 1], "Venv": true}`}, "", "3.10 or newer"},
		{"two", map[string]string{"python": `{"Path": "/p", "Version": [2, 7, 18], "Venv": false}`}, "", "3.10 or newer"},
		{"newer beside it", map[string]string{
			"python3":    `{"Path": "/old", "Version": [3, 9, 1], "Venv": true}`,
			"python3.12": `{"Path": "/new", "Version": [3, 12, 1], "Venv": true}`}, "", "/new"},
		{"no venv", map[string]string{"python3": `{"Path": "/p", "Version": [3, 12, 1], "Venv": false}`}, "", "venv and ensurepip"},
		{"broken", map[string]string{"python3": "Segmentation fault"}, "", "does not answer"},
		{"chosen", map[string]string{
			"python3": `{"Path": "/p", "Version": [3, 12, 1], "Venv": true}`,
			"mine":    `{"Path": "/mine", "Version": [3, 11, 1], "Venv": true}`}, "mine", "/mine"},
		{"chosen, missing", map[string]string{"python3": `{"Path": "/p", "Version": [3, 12, 1], "Venv": true}`}, "mine", "BATCHNORM_PYTHON=mine"},
	} {
		t.Run(test.name, func(t *testing.T) {
			fakes(t, test.pythons)
			t.Setenv(PythonEnv, test.env)
			p, err := FindPython(t.Context(), 10)
			if got := p.Path; err == nil && got != test.want {
				t.Errorf("chose %s, want %s", got, test.want)
			}
			if err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}
