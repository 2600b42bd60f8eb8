"""Prints, as JSON, what the batch normalization layers of PyTorch and Keras do: {framework: {convention: cell of the table on page 28}}."""
import json

import keras
import numpy as np
import tensorflow as tf
import torch

x = np.array([[1, -20], [2, 0], [3, 10], [6, 30]], dtype=np.float32)
biased, unbiased = x.var(0), x.var(0, ddof=1)
column = np.full((60, 1), 2026, np.float32)
far = (10000 + np.random.default_rng(1).standard_normal((60, 1))).astype(np.float32)


def which(value, candidates):
    return [name for name, candidate in candidates.items() if np.allclose(value, candidate, rtol=1e-4)]


def only(names):
    assert len(names) == 1, names
    return names[0]


def divides(y, epsilon):
    return only(which(y, {"$m$": (x - x.mean(0)) / np.sqrt(biased + epsilon), "$m-1$": (x - x.mean(0)) / np.sqrt(unbiased + epsilon)}))


def moved(average):
    """The weight that a minibatch has in an average that began at 1, and what its variance is divided by."""
    weights = {"the **new** value, 0.1": 0.1, "the old, 0.99": 0.01, "the old, 0.9": 0.1}
    found = which(average, {(m, name): 1 - w + w * v for name, w in weights.items() for m, v in (("$m$", biased), ("$m-1$", unbiased))})
    return found[0]


def of_torch():
    layer = torch.nn.BatchNorm1d(2)
    y = layer(torch.tensor(x)).detach().numpy()
    over, momentum = moved(layer.running_var.numpy())
    assert layer.momentum == 0.1
    try:
        torch.nn.BatchNorm1d(2)(torch.ones(1, 2))
        one = "beta"
    except ValueError:
        one = "an error"
    frozen = torch.nn.BatchNorm1d(2).requires_grad_(False)
    frozen(torch.tensor(x))
    stood = bool((frozen.running_mean == 0).all())
    at_mean = torch.nn.BatchNorm1d(1)
    at_mean(torch.tensor(far))
    v = torch.tensor(x, requires_grad=True)
    first = torch.autograd.grad((torch.nn.BatchNorm1d(2)(v) ** 3).sum(), v, create_graph=True)[0]
    second = torch.autograd.grad((first**2).sum(), v)[0]
    return {
        "momentum is the weight of": momentum,
        "epsilon": "1e-5" if layer.eps == 1e-5 else str(layer.eps),
        "training divides by": divides(y, layer.eps),
        "averages are of variances divided by": over,
        "averages begin at 0 and 1": "and keep the start",
        "variance computed in": passes((at_mean.running_var.item() - 0.9) / 0.1, far.astype(np.float64).var(ddof=1)),
        "one image in training mode": one,
        "frozen": "`requires_grad=False`: averages " + ("stand" if stood else "move"),
        "a column of 2026, 60 times": about(torch.nn.BatchNorm1d(1)(torch.tensor(column))[0].item()),
        "second derivative": "yes" if second.abs().max() > 0 else "none",
    }


def of_keras():
    new = keras.layers.BatchNormalization
    layer = new()
    y = layer(x, training=True).numpy()
    over, momentum = moved(layer.moving_variance.numpy())
    assert layer.momentum == 0.99
    frozen = new()
    frozen.build((None, 2))
    frozen.trainable = False
    inference = np.allclose(frozen(x, training=True).numpy(), x / np.sqrt(1 + frozen.epsilon), rtol=1e-4)
    at_mean = new()
    at_mean(far, training=True)
    v = tf.Variable(x)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            loss = tf.reduce_sum(new()(v, training=True) ** 3)
        size = tf.reduce_sum(inner.gradient(loss, v) ** 2)
    second = outer.gradient(size, v)
    return {
        "momentum is the weight of": momentum,
        "epsilon": "1e-3" if layer.epsilon == 1e-3 else str(layer.epsilon),
        "training divides by": divides(y, layer.epsilon),
        "averages are of variances divided by": over,
        "averages begin at 0 and 1": "and keep the start",
        "variance computed in": passes((float(at_mean.moving_variance.numpy()[0]) - 0.99) / 0.01, far.astype(np.float64).var()),
        "one image in training mode": "beta" if not new()(np.ones((1, 2), np.float32), training=True).numpy().any() else "something else",
        "frozen": "`trainable=False`: " + ("inference" if inference else "averages move"),
        "a column of 2026, 60 times": about(float(new()(column, training=True).numpy()[0, 0])),
        "second derivative": "yes" if tf.reduce_max(tf.abs(second)) > 0 else "none",
    }


def passes(variance, exact):
    return "two passes" if abs(variance - exact) < 0.1 * exact else "one"


def about(value):
    return "0" if value == 0 else "about 0" if abs(value) < 0.1 else str(value)


print(json.dumps({"PyTorch 2 `BatchNorm1d`": of_torch(), "Keras 3 `BatchNormalization`": of_keras()}))
