"""What the compared programs are handed: the same images, initial weights and order of images, as files.

A program prints {"ready": seconds, "version": "NAME 1.2"} once it is compiled and warm: what the steps up to the first
evaluation took longer the first time than the second. Then, for each line on its standard input, it trains the networks from their initial weights and
prints {"seconds": ..., "memory": bytes}: the time of the steps with their evaluations, and the most memory it has held. A
program that tells adds "validation", the loss of each network on the validation images after its last step, null where it is
not finite. A line that is not empty names a file for the training losses of each step, float32 [networks, steps].
"""
import json
import math
import os
import sys
import time

import numpy as np

EPSILON = 1e-3
MOMENTUM = 0.99


class Job:
    """networks: a list of dicts with rate, activation ("relu" or "sigmoid"), batch_norm and weights, a list of [in, out].
    validation: for a program to set in each turn, if it tells, the losses on the validation images after the last step.
    part "i/n" takes every nth network, from the ith on."""

    validation = ()

    def __init__(self, folder, part="0/1"):
        def load(name, dtype, *shape):
            return np.fromfile(os.path.join(folder, name), dtype).reshape(*shape)

        with open(os.path.join(folder, "job.json")) as f:
            job = json.load(f)
        self.steps, self.every, self.batch = job["steps"], job["every"], job["batch"]
        self.threads = job["threads"]
        data = job["data"]
        self.train_images = load(data + "/train_images", np.uint8, -1, 784)
        self.train_labels = load(data + "/train_labels", np.uint8, -1).astype(np.int32)
        self.images = load(data + "/validation_images", np.uint8, -1, 784)
        self.labels = load(data + "/validation_labels", np.uint8, -1).astype(np.int32)
        self.order = load("order", np.int32, self.steps, self.batch)
        first, parts = map(int, part.split("/"))
        self.networks = job["networks"][first::parts]
        for n in self.networks:
            units = [784, *n["hidden"], 10]
            n["weights"] = [load(name, np.float32, i, o) for name, i, o in zip(n["weights"], units, units[1:])]
        if seed := os.environ.get("SHUFFLE"):
            self.shuffle(np.random.default_rng(int(seed)))

    def shuffle(self, rng):
        """Puts pixels, hidden units and the images of a minibatch in a random order. That changes nothing but the order in
        which a program adds, and so what it rounds."""
        pixels = rng.permutation(784)
        self.train_images, self.images = self.train_images[:, pixels], self.images[:, pixels]
        self.order = rng.permuted(self.order, axis=1)
        for n in self.networks:
            rows = pixels
            for k, w in enumerate(n["weights"]):
                last = k + 1 == len(n["weights"])
                columns = np.arange(w.shape[1]) if last else rng.permutation(w.shape[1])
                n["weights"][k] = w[rows][:, columns]
                rows = columns

    def chunks(self):
        """The steps between two evaluations: their minibatches, [every, batch]."""
        return [self.order[at:at + self.every] for at in range(0, self.steps, self.every)]


def memory():
    """The most memory that this process has held, in bytes; 0 where the system does not say."""
    try:
        with open("/proc/self/status") as f:
            return next(int(line.split()[1]) << 10 for line in f if line.startswith("VmHWM"))
    except OSError:
        return 0


def reply(**what):
    print(json.dumps(what), flush=True)


def timed(turn, chunks):
    start = time.perf_counter()
    losses = turn(chunks)
    return time.perf_counter() - start, losses


def serve(job, turn, version):
    """turn trains from the initial weights on a list of chunks and returns the training losses, [networks, steps]."""
    chunks = job.chunks()
    first, _ = timed(turn, chunks[:1])
    again, _ = timed(turn, chunks[:1])
    reply(ready=max(0, first - again), version=version)
    for line in sys.stdin:
        seconds, losses = timed(turn, chunks)
        if line.strip():
            np.asarray(losses, np.float32).tofile(line.strip())
        reply(seconds=seconds, memory=memory(), validation=[v if math.isfinite(v) else None for v in map(float, job.validation)])
