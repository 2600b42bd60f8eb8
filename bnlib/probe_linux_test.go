package bnlib

import (
	"context"
	"syscall"
	"testing"
	"time"
)

// BenchmarkProbe measures what a probe at the default rhythm, every 500 steps, takes of the training of a pair at full length:
// the processor time of all looks, compilation included, in percent of that of the training without. The looks are measured
// apart, since they are less than one training differs from the next on a machine that does other things too.
func BenchmarkProbe(b *testing.B) {
	e := Article[1]
	d := mnist(b)
	var training, looking time.Duration
	looks := 0
	for b.Loop() {
		start := processorTime(b)
		if _, err := Compare(context.Background(), e, options(b)); err != nil {
			b.Fatal(err)
		}
		training += processorTime(b) - start
		on := testBackend(b)
		for _, network := range e.Pair() {
			start := processorTime(b)
			blueprint, err := draw(on, network)
			if err != nil {
				b.Fatal(err)
			}
			var lenses lensCabinet
			l, err := lenses.lens(on, blueprint, d, defaultProbeImages)
			if err != nil {
				b.Fatal(err)
			}
			v := newView(network, d.Train)
			for _, step := range (&Probe{}).steps(network) {
				if _, err := v.look(l, step, blueprint.values()); err != nil {
					b.Fatal(err)
				}
				looks++
			}
			lenses.finalize()
			looking += processorTime(b) - start
		}
	}
	b.ReportMetric(100*looking.Seconds()/training.Seconds(), "%-of-training")
	b.ReportMetric(looking.Seconds()*1000/float64(looks), "ms/look")
}

// processorTime returns the processor time that this process has used.
func processorTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
