package data

import (
	"math"
	"slices"
	"testing"
)

func TestRelabelled(t *testing.T) {
	d, err := MNIST()
	if err != nil {
		t.Fatal(err)
	}
	before := slices.Clone(d.Train.Labels)
	other := d.Relabelled(0.2, 1)
	if !slices.Equal(d.Train.Labels, before) {
		t.Fatal("the labels of the original have changed")
	}
	wrong := 0
	for i, label := range other.Train.Labels {
		if label >= Classes {
			t.Fatalf("label %d is %d", i, label)
		}
		if label != before[i] {
			wrong++
		}
	}
	if share := float64(wrong) / float64(len(before)); math.Abs(share-0.18) > 0.01 { // six standard deviations
		t.Errorf("%.3f of the labels are wrong, want 0.18", share)
	}
	if other.Checksum == d.Checksum || d.Relabelled(0.2, 2).Checksum == other.Checksum || d.Relabelled(0.3, 1).Checksum == other.Checksum {
		t.Error("two data sets have one checksum")
	}
	if again := d.Relabelled(0.2, 1); again.Checksum != other.Checksum || !slices.Equal(again.Train.Labels, other.Train.Labels) {
		t.Error("the same share and seed give other labels")
	}
	if same := d.Relabelled(0, 1); !slices.Equal(same.Train.Labels, before) {
		t.Error("a share of 0 changes labels")
	}
	if &other.Test.Labels[0] != &d.Test.Labels[0] || &other.Train.Images[0] != &d.Train.Images[0] {
		t.Error("what is not changed is copied")
	}
}

func TestRelabelledPanics(t *testing.T) {
	for _, share := range []float64{-0.1, 1.1, math.NaN()} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a share of %v is no fault", share)
				}
			}()
			(&Dataset{}).Relabelled(share, 1)
		}()
	}
}
