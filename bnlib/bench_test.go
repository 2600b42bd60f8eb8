package bnlib

import (
	"context"
	"fmt"
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

// BenchmarkGridStored asks a store for all of a grid that it has, as the last command of a sweep does, and reports the time for a network,
// which does not depend on how many there are; and how many are stored in a second, flushed to the disk of the temporary folder.
func BenchmarkGridStored(b *testing.B) {
	for _, n := range []int{300, 3000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			rates := make([]float64, n)
			for i := range rates {
				rates[i] = float64(i+1) / float64(n)
			}
			g := Grid{Base: Article(1), Axes: []Axis{Rate(rates...)}, Norms: []Norm{None}}
			o := options(b)
			t, err := newTraining(g.Networks(), o)
			if err != nil {
				b.Fatal(err)
			}
			begun := time.Now()
			for _, j := range t.jobs {
				j.run.Status = Finished
				if err := o.Store.Save(j.run); err != nil {
					b.Fatal(err)
				}
			}
			stored := float64(n) / time.Since(begun).Seconds()
			for b.Loop() {
				if _, missing, err := g.Stored(o); err != nil || missing != 0 {
					b.Fatal(missing, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "µs/network")
			b.ReportMetric(stored, "stored/s")
		})
	}
}
