"""The networks as the article trains them: a TensorFlow graph and a session, a call of run a step."""
import sys

import numpy as np
import tensorflow as tf

from job import EPSILON, MOMENTUM, Job, serve

v1 = tf.compat.v1
v1.disable_eager_execution()


class Network:
    """One network in a graph and a session of its own. tf.compat.v1.layers is gone with Keras 3; its layers are written out,
    batch normalization with the fused operation that it used too where it applied."""

    def __init__(self, job, network):
        graph = tf.Graph()
        with graph.as_default():
            self.images = v1.placeholder(tf.float32, [None, 784])
            self.labels = v1.placeholder(tf.int32, [None])
            self.training = v1.placeholder(tf.bool, [])
            activation = {"relu": tf.nn.relu, "sigmoid": tf.nn.sigmoid}[network["activation"]]
            x, updates = self.images, []
            for k, w in enumerate(network["weights"]):
                last = k + 1 == len(network["weights"])
                x = tf.matmul(x, v1.Variable(w))
                units = w.shape[1]
                if network["batch_norm"] and not last:
                    gamma, beta = v1.Variable(tf.ones(units)), v1.Variable(tf.zeros(units))
                    moving = v1.Variable(tf.zeros(units), trainable=False), v1.Variable(tf.ones(units), trainable=False)
                    batch = tf.nn.moments(x, [0])
                    updates += [v1.assign_sub(m, (1 - MOMENTUM) * (m - b)) for m, b in zip(moving, batch)]
                    mean, variance = (tf.cond(self.training, lambda b=b: b, lambda m=m: m.read_value()) for m, b in zip(moving, batch))
                    x = tf.nn.batch_normalization(x, mean, variance, beta, gamma, EPSILON)
                else:
                    x = x + v1.Variable(tf.zeros(units))
                if not last:
                    x = activation(x)
            self.loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=self.labels, logits=x))
            self.accuracy = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(x, 1, tf.int32), self.labels), tf.float32))
            with tf.control_dependencies(updates):
                self.train = v1.train.GradientDescentOptimizer(network["rate"]).minimize(self.loss)
            self.start = v1.global_variables_initializer()
        config = v1.ConfigProto(intra_op_parallelism_threads=job.threads, inter_op_parallelism_threads=job.threads)
        self.session = v1.Session(graph=graph, config=config)

    def step(self, images, labels):
        return self.session.run([self.loss, self.train], {self.images: images, self.labels: labels, self.training: True})[0]

    def evaluate(self, images, labels):
        return self.session.run([self.loss, self.accuracy], {self.images: images, self.labels: labels, self.training: False})


def main(folder):
    job = Job(folder)
    # As the MNIST tutorial's data set held them: floats in [0, 1].
    train, held = job.train_images.astype(np.float32) / 255, job.images.astype(np.float32) / 255
    networks = [Network(job, n) for n in job.networks]

    def turn(chunks):
        losses = [[] for _ in networks]
        for n in networks:
            n.session.run(n.start)
            n.evaluate(held, job.labels)
        for chunk in chunks:
            for i, n in enumerate(networks):
                for index in chunk:
                    losses[i].append(n.step(train[index], job.train_labels[index]))
                n.evaluate(held, job.labels)
        return losses

    serve(job, turn, f"TensorFlow {tf.__version__}")


main(*sys.argv[1:])
