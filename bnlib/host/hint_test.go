package host

import (
	"strings"
	"testing"
)

func TestHint(t *testing.T) {
	for _, test := range []struct {
		want          Want
		goos, release string
		root          bool
		command       string
	}{
		{VenvModule, "linux", "NAME=\"Debian GNU/Linux\"\nID=debian\n", true, "here: apt install python3-venv"},
		{VenvModule, "linux", "ID=ubuntu\nID_LIKE=debian\n", false, "here: sudo apt install python3-venv"},
		{Python, "linux", "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", true, "dnf install python3.12"},
		{Python, "linux", "ID=fedora\n", true, "dnf install python3"},
		{Python, "linux", "ID=\"opensuse-tumbleweed\"\nID_LIKE=\"opensuse suse\"\n", true, "zypper install"},
		{Python, "linux", "ID=arch\n", true, "pacman -S python"},
		{Compiler, "linux", "ID=alpine\n", true, "apk add gcc musl-dev"},
		{Python, "darwin", "", false, "here: brew install python3"},
		{Python, "windows", "", false, "winget install"},
		{Python, "linux", "ID=homemade\n", true, "package manager"},
		{Python, "linux", "", true, "package manager"},
	} {
		if got := forSystem(test.want, test.goos, test.release, test.root); !strings.Contains(got, test.command) {
			t.Errorf("%s %q: %q, want %q", test.goos, test.release, got, test.command)
		}
	}
}
