//go:build cells

package main

// Packages that only cells of the notebooks import: named here, so that go.mod keeps them and set-up compiles them. The
// build tag keeps them out of this program, which has to be up before GoMLX is compiled.
import (
	_ "batchnorm/bnlib"
	_ "batchnorm/bnlib/show"

	_ "github.com/janpfeifer/must"
)
