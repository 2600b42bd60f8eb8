package backend

import (
	"fmt"
	"os"
	"strings"
)

// processorModel returns the processor's model; empty: not known.
func processorModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	return modelIn(string(text))
}

// modelIn returns the model of the first processor in the text of Linux's cpuinfo. The name alone does not tell virtual machines
// apart, and on ARM there are only numbers.
func modelIn(cpuinfo string) string {
	fields := fieldsIn(cpuinfo)
	if name := fields["model name"]; name != "" {
		return fmt.Sprintf("%s (family %s, model %s)", name, fields["cpu family"], fields["model"])
	}
	if implementer, part := fields["CPU implementer"], fields["CPU part"]; implementer != "" && part != "" {
		return "ARM " + implementer + " " + part
	}
	return ""
}

// processorFeatures returns the names of what the processor can do, as Linux writes them; empty: not known.
func processorFeatures() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	fields := fieldsIn(string(text))
	return fields["flags"] + fields["Features"]
}

// fieldsIn returns the fields of the first processor in the text of Linux's cpuinfo.
func fieldsIn(cpuinfo string) map[string]string {
	fields := map[string]string{}
	for line := range strings.Lines(cpuinfo) {
		name, value, ok := strings.Cut(line, ":")
		name = strings.TrimSpace(name)
		if _, again := fields[name]; ok && !again {
			fields[name] = strings.Join(strings.Fields(value), " ")
		}
	}
	return fields
}
