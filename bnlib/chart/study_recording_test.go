package chart_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"batchnorm/bnlib"
	"batchnorm/bnlib/probe"
)

// initialNumbers are the article's experiments whose networks testdata/initial.json shows before training: they differ in the
// scale of the weights and in the activation.
var initialNumbers = []int{1, 2, 5, 6}

type initialRecording struct {
	About     string           `json:"about"`
	Snapshots []probedSnapshot `json:"snapshots"` // of the pair of each experiment
}

func initialNetworks() []bnlib.Network {
	var networks []bnlib.Network
	for _, number := range initialNumbers {
		networks = append(networks, bnlib.Article(number).Pair()...)
	}
	return networks
}

// studyRecording is the article's eight experiments, shortened, with several seeds.
type studyRecording struct {
	About string        `json:"about"`
	Steps int           `json:"steps"`
	Every int           `json:"every"`
	Seeds int           `json:"seeds"`
	Runs  []recordedRun `json:"runs"` // experiment by experiment, seed by seed, without batch normalization first
}

func shortArticle(steps, every int) []bnlib.Experiment {
	var experiments []bnlib.Experiment
	for _, e := range bnlib.ArticleAll() {
		e.Steps, e.Every = steps, every
		experiments = append(experiments, e)
	}
	return experiments
}

func TestRecordStudy(t *testing.T) {
	if !*record {
		t.Skip("-record not given")
	}
	snapshots, err := bnlib.InitialSignal(t.Context(), initialNetworks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	initial := initialRecording{About: "experiments 1, 2, 5 and 6 of the article before training"}
	for _, s := range snapshots {
		initial.Snapshots = append(initial.Snapshots, newProbedSnapshot(s))
	}
	write(t, "initial", initial)

	r := studyRecording{About: "the article's eight experiments, shortened", Steps: 3000, Every: 250, Seeds: 3}
	o := &bnlib.Options{Store: &bnlib.Store{Dir: t.TempDir()}}
	study, err := bnlib.Study(t.Context(), shortArticle(r.Steps, r.Every), r.Seeds, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, replicates := range study {
		for i := range r.Seeds {
			for _, run := range []*bnlib.Run{replicates.Plain[i], replicates.BatchNorm[i]} {
				one := recordedRun{BatchNorm: isBatch(run.Network), Status: run.Status, DivergedAt: run.DivergedAt, Test: run.Test}
				one.Points = recordedPoints(run)
				r.Runs = append(r.Runs, one)
			}
		}
	}
	write(t, "study", r)
}

func write(t *testing.T, name string, recording any) {
	t.Helper()
	out, err := json.Marshal(recording)
	if err != nil {
		t.Fatal(err)
	}
	out = bytes.ReplaceAll(out, []byte("},{"), []byte("},\n{"))
	if err := os.WriteFile(filepath.Join("testdata", name+".json"), append(out, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(name string, recording any) {
	file, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		panic(err)
	}
	if err := json.Unmarshal(file, recording); err != nil {
		panic(err)
	}
}

// initial returns the networks of testdata/initial.json, and what they look like before training.
func initial() ([]bnlib.Network, []probe.Snapshot) {
	var r initialRecording
	read("initial", &r)
	var snapshots []probe.Snapshot
	for _, s := range r.Snapshots {
		snapshots = append(snapshots, s.snapshot())
	}
	return initialNetworks(), snapshots
}

// studied returns the study of testdata/study.json.
func studied() []bnlib.Replicates {
	var r studyRecording
	read("study", &r)
	var study []bnlib.Replicates
	next := 0
	for _, e := range shortArticle(r.Steps, r.Every) {
		replicates := bnlib.Replicates{Experiment: e}
		for _, seeded := range bnlib.Seeds(e, r.Seeds) {
			for i, network := range seeded.Pair() {
				one := r.Runs[next+i]
				run := &bnlib.Run{Network: network, Status: one.Status, DivergedAt: one.DivergedAt, Test: one.Test}
				run.Points = points(one.Points)
				if isBatch(network) {
					replicates.BatchNorm = append(replicates.BatchNorm, run)
				} else {
					replicates.Plain = append(replicates.Plain, run)
				}
			}
			next += 2
		}
		study = append(study, replicates)
	}
	return study
}
