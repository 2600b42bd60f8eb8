package engine

import (
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/gomlx/core/tensors"
)

// TestTake checks which group a part of the machine goes on with.
func TestTake(t *testing.T) {
	var parts [2]compute.Backend
	for i := range parts {
		var err error
		if parts[i], err = gobackend.New(""); err != nil {
			t.Fatal(err)
		}
	}
	here, there := parts[0], parts[1]
	network := func(graphs string, steps int) *Network {
		return &Network{&Spec{Steps: steps, Every: 10}, &Trace{Graphs: graphs}}
	}
	plain, normalized := network("plain", 20000), network("normalized", 20000)
	shortPlain, shortNormalized := network("plain", 1000), network("normalized", 1000)
	at := func(step int, n *Network, on compute.Backend) *group {
		return &group{jobs: make([]*Job, 1), networks: []*Network{n}, step: step, at: on}
	}
	made := func(n *Network, on compute.Backend) *program {
		like := &group{networks: []*Network{n}}
		return &program{backend: on, like: like, networks: like.networks}
	}
	both := []*program{made(plain, here), made(normalized, there)}
	fresh := func(networks ...*Network) (queue []*group) {
		for _, n := range networks {
			queue = append(queue, at(0, n, nil))
		}
		return queue
	}
	for _, test := range []struct {
		name     string
		idle     []*group
		queue    []*group
		programs []*program
		want     int // index in idle, then in queue
		compiles bool
	}{
		{"the one that has come least far", []*group{at(30, plain, here), at(20, plain, here)}, nil, both, 1, false},
		{"of equals the one that is here", []*group{at(20, plain, there), at(20, plain, here)}, nil, both, 1, false},
		{"one whose program is here", []*group{at(20, normalized, there), at(60, plain, here)}, nil, both, 1, false},
		{"one far behind, even so", []*group{at(20, normalized, there), at(9000, plain, here)}, nil, both, 0, true},
		{"none rather than one nearly done whose program is there", []*group{at(19500, normalized, there)}, nil, both, -1, false},
		{"one nearly done whose program is here", []*group{at(19500, plain, there)}, nil, both, 0, false},
		{"one whose program nobody has, of few", []*group{at(20, plain, here)}, fresh(normalized), nil, 1, true},
		{"of few one that is not begun", []*group{at(20, plain, here)}, fresh(plain), both, 1, false},
		{"of many the one that is begun here", []*group{at(20, plain, here)}, fresh(plain, plain, plain, plain), both, 0, false},
		{"of many none that is begun there", []*group{at(20, plain, there)}, fresh(plain, plain, plain, plain), both, 1, false},
		{"of many the first whose program is here", nil, fresh(shortNormalized, shortNormalized, shortPlain, plain, plain), both, 2, false},
		{"of many the first, if it is long until then", nil, fresh(normalized, normalized, plain, plain, plain), both, 0, true},
	} {
		c := crew{training: &training{residents: map[compute.Backend]*resident{here: {}}}, idle: slices.Clone(test.idle),
			queue: slices.Clone(test.queue), begun: len(test.idle), programs: slices.Clone(test.programs)}
		all := slices.Concat(test.idle, test.queue)
		g, p := c.take(here, len(parts))
		left := len(c.idle) + len(c.queue)
		if test.want < 0 {
			if g != nil || p != nil || left != len(all) || len(c.programs) > len(test.programs) {
				t.Errorf("%s: took the group at step %d", test.name, g.step)
			}
			continue
		}
		if g != all[test.want] || p == nil || !p.trains(g) || (len(c.programs) > len(test.programs)) != test.compiles {
			t.Errorf("%s: took group %d, programs %d of %d", test.name, slices.Index(all, g), len(c.programs), len(test.programs))
		}
		if left != len(all)-1 || slices.Contains(c.idle, g) || slices.Contains(c.queue, g) {
			t.Errorf("%s: %d are left after one was taken of %d", test.name, left, len(all))
		}
		if begun := len(test.idle) + len(test.queue) - len(c.queue); c.begun != begun {
			t.Errorf("%s: %d are begun, want %d", test.name, c.begun, begun)
		}
	}
}

// A group that goes on elsewhere takes along what its hooks have seen of how its networks started.
func TestFetchTakesInitialValues(t *testing.T) {
	var parts [2]compute.Backend
	for i := range parts {
		var err error
		if parts[i], err = gobackend.New(""); err != nil {
			t.Fatal(err)
		}
	}
	v := &view{initial: []*tensors.Tensor{tensors.FromValue([]float32{1, 2})}}
	if _, err := v.initial[0].Buffer(parts[0], 0); err != nil {
		t.Fatal(err)
	}
	g := &group{views: []*view{v}}
	if err := g.fetch(); err != nil {
		t.Fatal(err)
	}
	if _, err := v.initial[0].Buffer(parts[1], 0); err != nil {
		t.Error(err)
	}
}
