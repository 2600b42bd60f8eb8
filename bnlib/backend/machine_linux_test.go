package backend

import "testing"

func TestModelIn(t *testing.T) {
	for text, want := range map[string]string{
		"processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 17\nmodel name\t: AMD  EPYC\n\nprocessor\t: 1\nmodel\t\t: 1\n": "AMD EPYC (family 25, model 17)",
		"processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n":                                                                          "ARM 0x41 0xd0c",
		"": "",
	} {
		if got := modelIn(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
