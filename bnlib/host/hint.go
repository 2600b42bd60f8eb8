package host

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"
)

// Want is something that the operating system's packages provide.
type Want int

const (
	Python     Want = iota // one that is new enough
	VenvModule             // its modules venv and ensurepip
	Compiler               // a C compiler, which loads the compute backend
)

// advice lists, by family of systems, the command that installs each want.
var advice = map[string][3]string{
	"debian": {"apt install python3 python3-venv", "apt install python3-venv", "apt install gcc libc6-dev"},
	"fedora": {"dnf install python3", "dnf install python3", "dnf install gcc"},
	"rhel":   {"dnf install python3.12", "dnf install python3.12", "dnf install gcc"},
	"suse":   {"zypper install python312", "zypper install python312", "zypper install gcc"},
	"arch":   {"pacman -S python", "pacman -S python", "pacman -S gcc"},
	"alpine": {"apk add python3", "apk add python3 py3-pip", "apk add gcc musl-dev"},
	"darwin": {"brew install python3", "brew install python3", "xcode-select --install"},
	"nixos":  {"nix-shell -p python3", "nix-shell -p python3", "nix-shell -p gcc"},
	"windows": {"winget install Python.Python.3.12", "winget install Python.Python.3.12",
		"winget install BrechtSanders.WinLibs.POSIX.UCRT"},
}

// Hint says how to get a want on this system.
func Hint(w Want) string {
	release, _ := os.ReadFile("/etc/os-release")
	return forSystem(w, runtime.GOOS, string(release), os.Geteuid() == 0)
}

func forSystem(w Want, goos, release string, root bool) string {
	wants := [...]string{"a newer Python", "Python's modules venv and ensurepip", "a C compiler"}
	if w < 0 || int(w) >= len(wants) {
		panic(fmt.Errorf("host: Hint(%d); allowed: one of the constants of its type", int(w)))
	}
	what := wants[w]
	for _, id := range append([]string{goos}, systemIDs(release)...) {
		commands, ok := advice[id]
		if !ok {
			continue
		}
		command := commands[w]
		if !root && id != "darwin" && id != "nixos" && id != "windows" {
			command = "sudo " + command
		}
		return "To get " + what + " here: " + command
	}
	return "Install " + what + " with this system's package manager."
}

// systemIDs returns the names in an os-release file, the system's own first, then those it resembles.
func systemIDs(release string) []string {
	var id, like []string
	scanner := bufio.NewScanner(strings.NewReader(release))
	for scanner.Scan() {
		name, value, _ := strings.Cut(scanner.Text(), "=")
		value = strings.Trim(strings.TrimSpace(value), `"'`)
		switch strings.TrimSpace(name) {
		case "ID":
			id = []string{value}
		case "ID_LIKE":
			like = strings.Fields(value)
		}
	}
	ids := append(id, like...)
	for i, id := range ids {
		if strings.HasPrefix(id, "opensuse") {
			ids[i] = "suse"
		}
	}
	return ids
}
