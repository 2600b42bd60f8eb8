"""The networks in PyTorch, as one writes them ("eager") or with torch.compile ("compile")."""
import sys

import torch
from torch import nn

from job import EPSILON, MOMENTUM, Job, serve


class BatchNorm(nn.BatchNorm1d):
    """nn.BatchNorm1d moves its variance towards the unbiased one, which changes no training loss."""

    def __init__(self, units):
        super().__init__(units, eps=EPSILON, momentum=1 - MOMENTUM)


def build(network):
    activation = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid}[network["activation"]]
    layers = []
    for k, w in enumerate(network["weights"]):
        last = k + 1 == len(network["weights"])
        normalized = network["batch_norm"] and not last
        dense = nn.Linear(*w.shape, bias=not normalized)
        with torch.no_grad():
            dense.weight.copy_(torch.from_numpy(w.T.copy()))
            if dense.bias is not None:
                dense.bias.zero_()
        layers.append(dense)
        if normalized:
            layers.append(BatchNorm(w.shape[1]))
        if not last:
            layers.append(activation())
    return nn.Sequential(*layers)


def main(folder, how):
    job = Job(folder)
    torch.set_num_threads(job.threads)
    train = torch.from_numpy(job.train_images).float() / 255, torch.from_numpy(job.train_labels).long()
    held = torch.from_numpy(job.images).float() / 255, torch.from_numpy(job.labels).long()
    models = [build(n) for n in job.networks]
    start = [{k: v.clone() for k, v in m.state_dict().items()} for m in models]
    optimizers = [torch.optim.SGD(m.parameters(), lr=n["rate"]) for m, n in zip(models, job.networks)]
    callables = [torch.compile(m) if how == "compile" else m for m in models]
    cross_entropy = nn.functional.cross_entropy

    def step(i, index):
        optimizers[i].zero_grad(set_to_none=True)
        loss = cross_entropy(callables[i](train[0][index]), train[1][index])
        loss.backward()
        optimizers[i].step()
        return loss.detach()

    def evaluate(i):
        models[i].eval()
        with torch.no_grad():
            z = models[i](held[0])
            measured = cross_entropy(z, held[1]).item(), (z.argmax(-1) == held[1]).float().mean().item()
        models[i].train()
        return measured

    def turn(chunks):
        losses = [[] for _ in models]
        for i, m in enumerate(models):
            m.load_state_dict(start[i])
            evaluate(i)
        for chunk in (torch.from_numpy(c).long() for c in chunks):
            for i in range(len(models)):
                losses[i] += [step(i, index) for index in chunk]
                evaluate(i)
        return [torch.stack(one).tolist() for one in losses]

    serve(job, turn, f"PyTorch {torch.__version__}")


main(*sys.argv[1:])
