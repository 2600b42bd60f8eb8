package bnlib

import (
	"context"
	"testing"
	"time"
)

// benchmarkSteps are enough that the second network's compilation, which falls into the time measured, does not count.
const benchmarkSteps = 20000

// BenchmarkPair trains the pair of experiment 1, with an evaluation on 5000 images every 500 steps, and reports network-steps per
// second from the first evaluation to the last. Compilation does not count. Package compare does the same beside other programs.
func BenchmarkPair(b *testing.B) {
	e := Article(1)
	e.Steps = benchmarkSteps
	var total time.Duration
	for b.Loop() {
		o := options(b)
		var start, end time.Time
		o.Recorder = recorderFunc(func(p Progress) {
			if p.Stage == Training {
				end = time.Now()
				if start.IsZero() {
					start = end
				}
			}
		})
		if _, err := Compare(context.Background(), e, o); err != nil {
			b.Fatal(err)
		}
		total += end.Sub(start)
	}
	b.ReportMetric(float64(2*benchmarkSteps*b.N)/total.Seconds(), "network-steps/s")
}
