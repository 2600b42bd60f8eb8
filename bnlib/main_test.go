package bnlib

import (
	"sync"
	"testing"

	"batchnorm/bnlib/backend"
	"batchnorm/data"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/gobackend"
)

func testBackend(t testing.TB) compute.Backend {
	t.Helper()
	b, err := backend.Open()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var pureGo = sync.OnceValues(func() (compute.Backend, error) { return gobackend.New("") })

func mnist(t testing.TB) *data.Dataset {
	t.Helper()
	d, err := data.MNIST()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// short is an experiment of the article's with few steps of two small layers, which compile sooner than three.
func short(number int) Experiment {
	e := Article(number)
	e.Hidden, e.Steps, e.Every = []int{32, 16}, 40, 20
	return e
}

// options trains into a store of the test's own.
func options(t testing.TB) *Options {
	return &Options{Store: &Store{Dir: t.TempDir()}}
}
