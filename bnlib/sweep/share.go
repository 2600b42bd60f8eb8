package main

import (
	"fmt"
	"strconv"
	"strings"
)

// share is which part of a sweep a process trains: the points of the grid whose number leaves index when divided by count.
type share struct{ index, count int }

// An array of processes says which of them each is in the environment: Slurm and Kubernetes' Indexed Jobs have variables of their
// own for the index. How many there are is the user's to say, since a task that runs again alone is no array of one.
const (
	countEnv      = "BATCHNORM_SHARDS"
	kubernetesEnv = "JOB_COMPLETION_INDEX"
	slurmEnv      = "SLURM_ARRAY_TASK_ID"
)

// shareOf returns the share that a flag, such as 3/8, or else the environment gives; without either it is the whole.
func shareOf(flag string, getenv func(string) string) (share, error) {
	if flag != "" {
		index, count, ok := strings.Cut(flag, "/")
		s, err := parseShare(index, count)
		if !ok || err != nil {
			return share{}, fmt.Errorf("-shard is %q; allowed: I/N, with I from 0 to N-1", flag)
		}
		return s, nil
	}
	name := kubernetesEnv
	index := getenv(name)
	if index == "" {
		name = slurmEnv
		index = getenv(name)
	}
	count := getenv(countEnv)
	switch {
	case index == "" && count == "":
		return share{0, 1}, nil
	case index == "":
		return share{}, fmt.Errorf("%s is %s, and neither %s nor %s is set; allowed: one of them, or -shard I/N", countEnv, count, kubernetesEnv, slurmEnv)
	case count == "":
		return share{}, fmt.Errorf("%s is %s, and %s is not set; allowed: the number of shards, as large as the array", name, index, countEnv)
	}
	s, err := parseShare(index, count)
	if err != nil {
		return share{}, fmt.Errorf("%s is %q and %s is %q; allowed: an index from 0 to one below the number of shards", name, index, countEnv, count)
	}
	return s, nil
}

func parseShare(index, count string) (share, error) {
	i, err := strconv.Atoi(index)
	n, err2 := strconv.Atoi(count)
	if err != nil || err2 != nil || n < 1 || i < 0 || i >= n {
		return share{}, strconv.ErrRange
	}
	return share{i, n}, nil
}
