"""The networks in JAX: a jitted step ("step"), a jitted scan over the steps between two evaluations ("scan"), or that scan
with all networks in its body ("together"). With JAX_ENABLE_X64=1 all of it is computed in float64."""
import sys
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from job import EPSILON, MOMENTUM, Job, serve

FLOAT = jnp.zeros(0).dtype


def initial(network):
    layers = []
    for k, w in enumerate(network["weights"]):
        out = w.shape[1]
        layer = {"w": jnp.asarray(w, FLOAT)}
        if network["batch_norm"] and k + 1 < len(network["weights"]):
            layer |= {"gamma": jnp.ones(out), "beta": jnp.zeros(out)}
        else:
            layer["b"] = jnp.zeros(out)
        layers.append(layer)
    moving = [(jnp.zeros(l["w"].shape[1]), jnp.ones(l["w"].shape[1])) for l in layers if "gamma" in l]
    return layers, moving


def logits(network, layers, moving, x, training):
    activation = {"relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid}[network["activation"]]
    moved = []
    for k, l in enumerate(layers):
        x = x @ l["w"]
        if "gamma" in l:
            if training:
                mean, variance = x.mean(0), x.var(0)
                m, v = moving[k]
                moved.append((MOMENTUM * m + (1 - MOMENTUM) * mean, MOMENTUM * v + (1 - MOMENTUM) * variance))
            else:
                mean, variance = moving[k]
            x = (x - mean) / jnp.sqrt(variance + EPSILON) * l["gamma"] + l["beta"]
        else:
            x = x + l["b"]
        if k + 1 < len(layers):
            x = activation(x)
    return x, moved


def cross_entropy(z, labels):
    return -jnp.take_along_axis(jax.nn.log_softmax(z), labels[:, None], 1).mean()


def step(network, state, images, labels):
    layers, moving = state

    def loss(layers):
        z, moved = logits(network, layers, moving, images, True)
        return cross_entropy(z, labels), moved

    (value, moved), gradient = jax.value_and_grad(loss, has_aux=True)(layers)
    layers = jax.tree.map(lambda p, g: p - network["rate"] * g, layers, gradient)
    return (layers, moved), value


def evaluate(network, state, images, labels):
    z, _ = logits(network, *state, images.astype(FLOAT) / 255, False)
    return cross_entropy(z, labels), (z.argmax(-1) == labels).mean()


def main(folder, how, part="0/1"):
    job = Job(folder, part)
    train = jnp.asarray(job.train_images), jnp.asarray(job.train_labels)
    held = jnp.asarray(job.images), jnp.asarray(job.labels)
    groups = [job.networks] if how == "together" else [[n] for n in job.networks]

    def one_step(group, train, states, index):
        images, labels = train[0][index].astype(FLOAT) / 255, train[1][index]
        done = [step(n, s, images, labels) for n, s in zip(group, states)]
        return [s for s, _ in done], jnp.stack([l for _, l in done])

    def scan(group, train, states, chunk):
        return lax.scan(partial(one_step, group, train), states, chunk)

    advance = [jax.jit(partial(one_step if how == "step" else scan, g), donate_argnums=1) for g in groups]
    measure = [jax.jit(lambda states, held, g=g: [evaluate(n, s, *held) for n, s in zip(g, states)]) for g in groups]

    def turn(chunks):
        states = [[initial(n) for n in g] for g in groups]
        losses = [[] for _ in groups]
        scores = [jax.block_until_ready(m(s, held)) for m, s in zip(measure, states)]
        for chunk in chunks:
            for i in range(len(groups)):
                if how == "step":
                    l = []
                    for index in chunk:
                        states[i], one = advance[i](train, states[i], index)
                        l.append(one)
                else:
                    states[i], l = advance[i](train, states[i], chunk)
                scores[i] = jax.block_until_ready(measure[i](states[i], held))
                losses[i].append(np.asarray(l))
        job.validation = [loss for group in scores for loss, _ in group]
        return np.concatenate([np.concatenate(l) for l in losses], 1).T

    serve(job, turn, f"JAX {jax.__version__}")


main(*sys.argv[1:])
