package main

import (
	"strings"
	"testing"
)

func TestShareOf(t *testing.T) {
	for _, c := range []struct {
		name, flag string
		env        map[string]string
		want       share
		err        string // part of the message
	}{
		{"nothing said", "", nil, share{0, 1}, ""},
		{"a flag", "3/8", nil, share{3, 8}, ""},
		{"a flag goes before the environment", "0/2", map[string]string{slurmEnv: "7", countEnv: "8"}, share{0, 2}, ""},
		{"Kubernetes", "", map[string]string{kubernetesEnv: "4", countEnv: "5"}, share{4, 5}, ""},
		{"Slurm", "", map[string]string{slurmEnv: "0", countEnv: "8"}, share{0, 8}, ""},
		{"beyond the last", "8/8", nil, share{}, `-shard is "8/8"; allowed: I/N, with I from 0 to N-1`},
		{"no count", "3", nil, share{}, "-shard"},
		{"no number", "a/b", nil, share{}, "-shard"},
		{"none", "0/0", nil, share{}, "-shard"},
		{"negative", "-1/4", nil, share{}, "-shard"},
		{"a task without the size of its array", "", map[string]string{slurmEnv: "3"}, share{}, "BATCHNORM_SHARDS is not set"},
		{"a size without a task", "", map[string]string{countEnv: "8"}, share{}, "neither JOB_COMPLETION_INDEX nor SLURM_ARRAY_TASK_ID"},
		{"Slurm's own count", "", map[string]string{slurmEnv: "3", slurmCountEnv: "8", slurmMinEnv: "0", slurmMaxEnv: "7"}, share{3, 8}, ""},
		{"a task sent again alone", "", map[string]string{slurmEnv: "3", slurmCountEnv: "1", slurmMinEnv: "3", slurmMaxEnv: "3", countEnv: "8"}, share{3, 8}, ""},
		{"and without the count", "", map[string]string{slurmEnv: "0", slurmCountEnv: "2", slurmMinEnv: "0", slurmMaxEnv: "5"}, share{}, "an array of 2 tasks from 0 to 5"},
		{"an array from 1 on", "", map[string]string{slurmEnv: "1", slurmCountEnv: "8", slurmMinEnv: "1", slurmMaxEnv: "8"}, share{}, "an array of 8 tasks from 1 to 8"},
		{"Kubernetes inside of Slurm", "", map[string]string{kubernetesEnv: "1", slurmEnv: "3", slurmCountEnv: "8"}, share{}, "JOB_COMPLETION_INDEX is 1, and BATCHNORM_SHARDS is not set"},
		{"an array that begins at 1", "", map[string]string{slurmEnv: "8", countEnv: "8"}, share{}, `SLURM_ARRAY_TASK_ID is "8"`},
	} {
		got, err := shareOf(c.flag, func(name string) string { return c.env[name] })
		if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v, %v; want %v, %q", c.name, got, err, c.want, c.err)
		}
	}
}
