package bnlib

import (
	"context"
	"syscall"
	"testing"
	"time"
)

// BenchmarkProbe measures what a probe at the default rhythm, every 500 steps, takes of the training of a pair at full length:
// it trains without and with, and reports the processor time more, of both cores, in percent. Processor time, because
// that is what a look takes from the other network, and because it hardly depends on what else the machine does.
// Compilation counts.
func BenchmarkProbe(b *testing.B) {
	e := Article[1]
	train := func(o *Options) time.Duration {
		start := processorTime(b)
		if _, err := Compare(context.Background(), e, o); err != nil {
			b.Fatal(err)
		}
		return processorTime(b) - start
	}
	var with, without time.Duration
	for b.Loop() {
		without += train(options(b))
		with += train(probed(b, Probe{}))
	}
	b.ReportMetric(100*(with.Seconds()/without.Seconds()-1), "%-of-training")
	looks := 2 * b.N * (e.Steps/e.Every + 1)
	b.ReportMetric((with-without).Seconds()*1000/float64(looks), "ms/look")
}

// processorTime returns the processor time that this process has used.
func processorTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
