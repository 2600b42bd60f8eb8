package upkeep

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"batchnorm/bnlib"
	"batchnorm/bnlib/internal/store"
)

// TestFolder looks after runs that package bnlib has stored.
func TestFolder(t *testing.T) {
	f := Folder{Dir: filepath.Join(t.TempDir(), "runs")}
	if h, err := f.Holds(); h != (Holds{}) || err != nil {
		t.Errorf("a folder that is missing holds %+v, %v", h, err)
	}
	if runs, err := f.List(t.Context()); len(runs) != 0 || err != nil {
		t.Errorf("a folder that is missing lists %v, %v", runs, err)
	}
	s := &bnlib.Store{Dir: f.Dir}
	for i, key := range []string{"aa-1", "bb-1", "cc-1"} {
		e := bnlib.Article(i + 1)
		e.Seed = 7
		if err := s.Save(&bnlib.Run{Key: key, Network: e.Pair()[1], Losses: []float32{1, 2, 3}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := (&store.Store{Dir: f.Dir}).Put("bb-1-2", []byte("{}"), nil); err != nil { // what a hook saw
		t.Fatal(err)
	}
	now := time.Now()
	for i, name := range []string{"bb-1", "bb-1-2", "aa-1", "cc-1"} {
		used := now.Add(time.Duration(i-10) * 24 * time.Hour)
		if err := os.Chtimes(filepath.Join(f.Dir, name+".safetensors"), used, used); err != nil {
			t.Fatal(err)
		}
	}
	size := func(name string) int64 {
		info, err := os.Stat(filepath.Join(f.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	runs, err := f.List(t.Context())
	if err != nil || len(runs) != 3 {
		t.Fatalf("lists %v, %v", runs, err)
	}
	first, sum := runs[0], size("bb-1.safetensors")+size("bb-1-2.safetensors")
	if first.Key != "bb-1" || runs[1].Key != "aa-1" || first.Name != "Experiment 2" || first.Norm != bnlib.Batch.Name || first.Steps != 50000 ||
		first.Seed != 7 || first.Size != sum || now.Sub(first.Used).Round(time.Hour) != 240*time.Hour {
		t.Errorf("lists %+v", runs)
	}
	if err := os.Truncate(filepath.Join(f.Dir, "cc-1.safetensors"), 100); err != nil {
		t.Fatal(err)
	}
	sound, damaged, err := f.Verify(t.Context())
	if sound != 3 || len(damaged) != 1 || !strings.Contains(damaged[0], "entry cc-1 is damaged") || err != nil {
		t.Errorf("verified: %d sound, %q, %v", sound, damaged, err)
	}
	if err := os.WriteFile(filepath.Join(f.Dir, "aa-1.0123456789abcdef.part"), make([]byte, 10), 0o644); err != nil {
		t.Fatal(err)
	}
	h, err := f.Holds()
	want := Holds{Runs: Size{Files: 2, Bytes: size("aa-1.safetensors") + size("bb-1.safetensors")}, Looks: Size{Files: 1, Bytes: size("bb-1-2.safetensors")},
		Damaged: Size{Files: 1, Bytes: 100}, Parts: Size{Files: 1, Bytes: 10}, Oldest: h.Oldest}
	if err != nil || h != want || !h.Oldest.Equal(first.Used) {
		t.Errorf("holds %+v, %v; want %+v", h, err, want)
	}

	limits := Limits{Age: 8*24*time.Hour + time.Hour}
	for range 2 { // saying it changes nothing
		if excess, err := f.Excess(limits); excess != (Size{Files: 2, Bytes: sum}) || err != nil {
			t.Errorf("beyond the limits: %v, %v", excess, err)
		}
	}
	if removed, err := f.Prune(limits); removed != (Size{Files: 2, Bytes: sum}) || err != nil {
		t.Errorf("pruned %v, %v", removed, err)
	}
	if runs, err := f.List(t.Context()); len(runs) != 1 || runs[0].Key != "aa-1" || err != nil {
		t.Errorf("left %v, %v", runs, err)
	}
	if err := os.WriteFile(filepath.Join(f.Dir, "dd-1.safetensors"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if runs, err := f.List(t.Context()); len(runs) != 1 || err == nil || !strings.Contains(err.Error(), "dd-1 is damaged") {
		t.Errorf("with a damaged run it lists %v, %v", runs, err)
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 9960: "10 kB", 554000: "554 kB", 999600: "1.0 MB", 7300000000: "7.3 GB"} {
		if got := Bytes(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
