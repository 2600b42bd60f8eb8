package backend

import (
	"fmt"
	"strings"
)

// Report says what [Open] would do.
type Report struct {
	Variable string   // value of GOMLX_BACKEND; empty: not set
	GPU      bool     // there is an NVIDIA GPU
	Folder   string   // of the project's own plugins; deleting it undoes their installation
	Choice   string   // "xla:cuda", "xla:cpu", "go" or the Variable
	Plugin   string   // the file that Choice loads; empty: none is installed yet, or none is needed
	Notes    []string // what is missing and how to mend it, a sentence each
}

// String returns the report in lines.
func (r Report) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "choice: %s\n", r.Choice)
	if r.Plugin != "" {
		fmt.Fprintf(&s, "plugin: %s\n", r.Plugin)
	}
	fmt.Fprintf(&s, "NVIDIA GPU: %v\n", r.GPU)
	for _, note := range r.Notes {
		fmt.Fprintf(&s, "note: %s\n", note)
	}
	return s.String()
}

// Describe says what Open would do, without loading or installing anything.
func Describe() Report { return standard().describe() }

func (m *world) describe() Report {
	r := Report{Variable: m.getenv(Env), GPU: m.hasGPU()}
	note := func(format string, args ...any) { r.Notes = append(r.Notes, fmt.Sprintf(format, args...)) }
	folder, err := m.ours()
	if err != nil {
		note("no plugin can be installed: %s", oneLine(err))
	}
	r.Folder = folder

	kinds := []kind{cpu}
	if r.GPU {
		kinds = []kind{cuda, cpu}
	}
	if r.Variable != "" {
		note("%s is %q; unset it to have a backend chosen", Env, r.Variable)
		k, _, ok := m.named(r.Variable)
		if !ok {
			r.Choice = r.Variable
			return r
		}
		kinds = []kind{k}
	}
	if withoutXLA != "" {
		r.Choice = "go"
		if r.Variable != "" {
			r.Choice = r.Variable
		}
		note("%s: %s", withoutXLA, m.mend())
		return r
	}
	for _, k := range kinds {
		if r.Choice == "" {
			r.Choice = "xla:" + string(k)
		}
		for _, path := range m.installed(k) {
			if err := whole(path); err != nil {
				note("%s; it is passed over, or installed anew", oneLine(err))
				continue
			}
			r.Choice, r.Plugin = "xla:"+string(k), path
			return r
		}
		if err := m.postponed(k); err != nil {
			note("no plugin for xla:%s: %s; to mend it, %s", k, oneLine(err), m.mend())
			r.Choice = ""
		} else {
			note("no plugin for xla:%s is installed yet: the first start installs one", k)
			return r
		}
	}
	if r.Choice = r.Variable; r.Choice == "" {
		r.Choice = "go"
	}
	return r
}
