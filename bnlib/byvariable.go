package bnlib

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// ByVariable gives some of a network's variables a number of their own. A key is the path of a variable, such as
// "hidden_1/dense/weights", or of a scope, such as "hidden_1", for all that is in it; * and ? stand for other characters, as in
// path.Match: "hidden_*/dense/weights". No variable may have two numbers, and every key must fit a variable of one at least of the
// networks that train together: the plain one of a pair has no gamma.
//
//	e.Rates = bnlib.ByVariable{"hidden_*/batch_norm": 0, "logits": 0.1}
type ByVariable map[string]float64

// Frozen gives variables a learning rate of 0, for Experiment.Rates.
func Frozen(patterns ...string) ByVariable {
	rates := ByVariable{}
	for _, pattern := range patterns {
		rates[pattern] = 0
	}
	return rates
}

// with returns a copy in which a pattern has another number.
func (b ByVariable) with(pattern string, value float64) ByVariable {
	changed := ByVariable{pattern: value}
	for p, v := range b {
		if p != pattern {
			changed[p] = v
		}
	}
	return changed
}

// of returns the number of a variable, or the other one if it has none.
func (b ByVariable) of(variable string, otherwise float64) float64 {
	for pattern, value := range b {
		if fits(pattern, variable) {
			return value
		}
	}
	return otherwise
}

// fits reports whether a pattern names a variable or a scope that it is in.
func fits(pattern, variable string) bool {
	parts := strings.Split(variable, "/")
	depth := min(strings.Count(pattern, "/")+1, len(parts))
	ok, err := path.Match(pattern, strings.Join(parts[:depth], "/"))
	return ok && err == nil
}

// validate returns an error for a variable to which two keys give a number. variables are those that can have one.
func (b ByVariable) validate(field string, variables []string) error {
	patterns := slices.Sorted(maps.Keys(b))
	for _, v := range variables {
		taken := ""
		for _, pattern := range patterns {
			if !fits(pattern, v) {
				continue
			}
			if taken != "" {
				return fmt.Errorf("%s has two numbers for %s, under %q and %q; allowed: one", field, v, taken, pattern)
			}
			taken = pattern
		}
	}
	return nil
}

// strays are the keys that fit no variable of any network seen so far, with an error for each.
type strays map[string]error

// see takes down the keys of a network that fit none of its variables, and forgets those that fit one.
func (s strays) see(n Network, variables []string) {
	for _, f := range n.byVariable() {
		for pattern := range f.of {
			key := fmt.Sprintf("Experiment.%s[%q]", f.name, pattern)
			err, seen := s[key]
			switch {
			case slices.ContainsFunc(variables, func(v string) bool { return fits(pattern, v) }):
				s[key] = nil
			case !seen || err != nil:
				s[key] = fmt.Errorf("bnlib: network %s: %s fits no variable; allowed: a path, or a scope, of %s", n.describe(), key, strings.Join(variables, ", "))
			}
		}
	}
}

// err returns the errors of the keys that fit nothing.
func (s strays) err() error {
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(s)) {
		errs = append(errs, s[key])
	}
	return errors.Join(errs...)
}
