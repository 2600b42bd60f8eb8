package main

import (
	"errors"
	"testing"
)

// TestSweep starts the command of bnlib/sweep: its exit code is ours.
func TestSweep(t *testing.T) {
	w := testWorkbook(t)
	if err := w.sweep(t.Context(), nil); err != nil {
		t.Errorf("the list of sweeps: %v", err)
	}
	err := w.sweep(t.Context(), []string{"nonesuch"})
	if code, ok := errors.AsType[exitCode](err); !ok || code != 64 {
		t.Errorf("a sweep that there is not: %v, want exit code 64", err)
	}
}
