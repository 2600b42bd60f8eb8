package main

import (
	"fmt"
	"strconv"
	"strings"
)

// share is which part of a sweep a process trains: the points of the grid whose number leaves index when divided by count.
type share struct{ index, count int }

// An array of processes says in the environment which of them each is, and Slurm also how many there are. BATCHNORM_SHARDS says it
// where the scheduler does not, or does otherwise: a task that is sent again alone is no array of one.
const (
	countEnv      = "BATCHNORM_SHARDS"
	kubernetesEnv = "JOB_COMPLETION_INDEX"
	slurmEnv      = "SLURM_ARRAY_TASK_ID"
	slurmCountEnv = "SLURM_ARRAY_TASK_COUNT"
	slurmMinEnv   = "SLURM_ARRAY_TASK_MIN"
	slurmMaxEnv   = "SLURM_ARRAY_TASK_MAX"
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
	indexName, countName := kubernetesEnv, countEnv
	if getenv(indexName) == "" {
		indexName = slurmEnv
	}
	if indexName == slurmEnv && getenv(countName) == "" {
		countName = slurmCountEnv
	}
	index, count := getenv(indexName), getenv(countName)
	switch {
	case index == "" && getenv(countEnv) == "":
		return share{0, 1}, nil
	case index == "":
		return share{}, fmt.Errorf("%s is %s, and neither %s nor %s is set; allowed: one of them, or -shard I/N", countEnv, count, kubernetesEnv, slurmEnv)
	case count == "":
		return share{}, fmt.Errorf("%s is %s, and %s is not set; allowed: the number of shares, as large as the array", indexName, index, countEnv)
	}
	s, err := parseShare(index, count)
	if err != nil {
		return share{}, fmt.Errorf("%s is %q and %s is %q; allowed: an index from 0 to one below the number of shares", indexName, index, countName, count)
	}
	if from, to := getenv(slurmMinEnv), getenv(slurmMaxEnv); countName == slurmCountEnv && (from != "0" || to != strconv.Itoa(s.count-1)) {
		return share{}, fmt.Errorf("an array of %s tasks from %s to %s, and %s is not set; allowed: all from 0 on, as in --array=0-7, or %s, the number of shares",
			count, from, to, countEnv, countEnv)
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
