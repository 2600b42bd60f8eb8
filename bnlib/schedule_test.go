package bnlib

import (
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/gobackend"
)

// TestTake checks which session a part of the machine goes on with.
func TestTake(t *testing.T) {
	var parts [2]compute.Backend
	for i := range parts {
		var err error
		if parts[i], err = gobackend.New(""); err != nil {
			t.Fatal(err)
		}
	}
	here, there := parts[0], parts[1]
	plain, normalized := &blueprint{graphs: "plain"}, &blueprint{graphs: "normalized"}
	at := func(step int, b *blueprint, on compute.Backend) *session {
		return &session{step: step, every: 10, steps: 1000, cohort: &cohort{networks: []*blueprint{b}, at: on}}
	}
	made := func(b *blueprint, on compute.Backend) *program {
		return &program{backend: on, networks: []*blueprint{b}}
	}
	both := []*program{made(plain, here), made(normalized, there)}
	for _, test := range []struct {
		name     string
		idle     []*session
		programs []*program
		want     int // index in idle
		compiles bool
	}{
		{"the one that has come least far", []*session{at(30, plain, here), at(20, plain, here)}, both, 1, false},
		{"of equals the one that is here", []*session{at(20, plain, there), at(20, plain, here)}, both, 1, false},
		{"one whose program is here", []*session{at(20, normalized, there), at(60, plain, here)}, both, 1, false},
		{"one far behind, even so", []*session{at(20, normalized, there), at(90, plain, here)}, both, 0, true},
		{"none rather than one nearly done whose program is there", []*session{at(950, normalized, there)}, both, -1, false},
		{"one nearly done whose program is here", []*session{at(950, plain, there)}, both, 0, false},
		{"one whose program nobody has", []*session{at(20, plain, here), at(0, normalized, nil)}, both[:1], 1, true},
	} {
		c := crew{training: &training{residents: map[compute.Backend]*resident{here: {}}}, idle: slices.Clone(test.idle), programs: test.programs}
		s, p := c.take(here)
		if test.want < 0 {
			if s != nil || p != nil || len(c.idle) != len(test.idle) || len(c.programs) > len(test.programs) {
				t.Errorf("%s: took the session at step %d", test.name, s.step)
			}
			continue
		}
		if s != test.idle[test.want] || p == nil || (len(c.programs) > len(test.programs)) != test.compiles {
			t.Errorf("%s: took the session at step %d, programs %d of %d", test.name, s.step, len(c.programs), len(test.programs))
		}
		if len(c.idle) != len(test.idle)-1 || slices.Contains(c.idle, s) {
			t.Errorf("%s: %d idle after one was taken of %d", test.name, len(c.idle), len(test.idle))
		}
	}
}
