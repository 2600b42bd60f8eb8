// Package cells imports what cells of the notebooks import: set-up compiles it, and go.mod keeps what only they need.
package cells

import (
	_ "batchnorm/bnlib"
	_ "batchnorm/bnlib/show"

	_ "github.com/janpfeifer/must"
)
