//go:build !linux && !darwin

package backend

import "os"

// processorModel returns the processor's model as Windows tells it to programs; empty: not known.
func processorModel() string { return os.Getenv("PROCESSOR_IDENTIFIER") }
