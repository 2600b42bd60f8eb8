"""A program in several processes, each on a core of its own with a share of the networks; the other arguments are the
program's."""
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from job import Job, reply


def main(program, folder, *args):
    job = Job(folder)
    cores = sorted(os.sched_getaffinity(0))
    n = min(len(cores), len(job.networks))
    children = [
        subprocess.Popen([sys.executable, program, folder, *args, f"{i}/{n}"], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, text=True, preexec_fn=lambda i=i: os.sched_setaffinity(0, [cores[i]]))
        for i in range(n)
    ]
    readers = ThreadPoolExecutor(n)

    def answers():
        return list(readers.map(lambda c: json.loads(c.stdout.readline()), children))

    said = answers()
    reply(ready=max(a["ready"] for a in said), version=said[0]["version"])
    for line in sys.stdin:
        files = [line.strip() and f"{line.strip()}.{i}" for i in range(n)]
        for child, file in zip(children, files):
            print(file, file=child.stdin, flush=True)
        said = answers()
        if line.strip():
            losses = np.empty((len(job.networks), job.steps), np.float32)
            for i, file in enumerate(files):
                losses[i::n] = np.fromfile(file, np.float32).reshape(-1, job.steps)
                os.remove(file)
            losses.tofile(line.strip())
        reply(seconds=max(a["seconds"] for a in said), memory=sum(a["memory"] for a in said))


main(*sys.argv[1:])
