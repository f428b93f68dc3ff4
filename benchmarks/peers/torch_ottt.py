"""OTTT in torch, hand-written and by autograd: the peer of the learning benchmarks.

Run by a Python that has torch. It reads one request a line from standard input, a JSON object with
`learner` ("hand" or "autograd"), `batch` and `iterations`, learns so many batches of random spikes
of the density of MNIST, and answers with the CPU seconds that they took.

Both learners are 784-800-10 networks of LIF neurons with soft reset, decay 1/2 and a sigmoid
surrogate, that take Bernoulli spikes of static images, trace their input, and learn on-line
(OTTT-O): plain SGD at every one of T = 6 steps.
"""

from __future__ import annotations

import json
import sys
import time
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

SIZES = (784, 800, 10)
TIMESTEPS = 6
DECAY, THRESHOLD, SLOPE = 0.5, 1.0, 4.0
RATE = 0.01
#: Share of MNIST's pixels that are not black, and their mean.
LIT, BRIGHTNESS = 0.19, 0.69


def surrogate(u: Tensor) -> Tensor:
    """Derivative of a sigmoid of slope 4 around the threshold."""
    s = torch.sigmoid(SLOPE * (u - THRESHOLD))
    return SLOPE * s * (1 - s)


def images(count: int, batch: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Random images (count, batch, 784) as bright as MNIST's, and labels (count, batch)."""
    lit = torch.rand(count, batch, SIZES[0], generator=generator) < LIT
    x = lit * BRIGHTNESS
    return x, torch.randint(SIZES[-1], (count, batch), generator=generator)


class ByHand:
    """Gradients written out: a trace, a surrogate and an error, in place wherever torch can."""

    def __init__(self) -> None:
        self.weights = [
            torch.randn(n_out, n_in) * 2.0 / n_in**0.5 for n_in, n_out in pairwise(SIZES)
        ]
        self.biases = [torch.zeros(n_out) for n_out in SIZES[1:]]

    @torch.no_grad()
    def learn(self, x: Tensor, y: Tensor) -> None:
        (w1, w2), (b1, b2) = self.weights, self.biases
        batch = len(y)
        rows = torch.arange(batch)
        v = torch.zeros(batch, SIZES[1])
        x0, x1 = torch.zeros(batch, SIZES[0]), torch.zeros(batch, SIZES[1])
        step = -RATE / TIMESTEPS
        for _ in range(TIMESTEPS):
            s0 = torch.bernoulli(x)
            x0.mul_(DECAY).add_(s0)
            u = torch.addmm(b1, s0, w1.t()).add_(v, alpha=DECAY)
            s1 = (u >= THRESHOLD).float()
            v = u - THRESHOLD * s1
            x1.mul_(DECAY).add_(s1)
            error = torch.softmax(torch.addmm(b2, s1, w2.t()), 1)
            error[rows, y] -= 1.0
            error /= batch
            delta = error.mm(w2).mul_(surrogate(u))
            w2.addmm_(error.t(), x1, alpha=step)
            b2.add_(error.sum(0), alpha=step)
            w1.addmm_(delta.t(), x0, alpha=step)
            b1.add_(delta.sum(0), alpha=step)


class Fire(torch.autograd.Function):
    """A threshold with a surrogate gradient."""

    @staticmethod
    def forward(ctx, u):
        ctx.save_for_backward(u)
        return (u >= THRESHOLD).float()

    @staticmethod
    def backward(ctx, gradient):
        (u,) = ctx.saved_tensors
        return gradient * surrogate(u)


class TracedLinear(torch.autograd.Function):
    """Currents from spikes, gradients of the weights from their traces (OTTT)."""

    @staticmethod
    def forward(ctx, s, trace, weight, bias):
        ctx.save_for_backward(trace, weight)
        return torch.addmm(bias, s, weight.t())

    @staticmethod
    def backward(ctx, gradient):
        trace, weight = ctx.saved_tensors
        return gradient.mm(weight), None, gradient.t().mm(trace), gradient.sum(0)


class ByAutograd:
    """The same with torch.autograd, step by step, as published code does it."""

    def __init__(self) -> None:
        self.layers = [torch.nn.Linear(n_in, n_out) for n_in, n_out in pairwise(SIZES)]
        parameters = [p for layer in self.layers for p in layer.parameters()]
        self.optimiser = torch.optim.SGD(parameters, lr=RATE)

    def learn(self, x: Tensor, y: Tensor) -> None:
        first, last = self.layers
        v = torch.zeros(len(y), SIZES[1])
        x0, x1 = torch.zeros(len(y), SIZES[0]), torch.zeros(len(y), SIZES[1])
        for _ in range(TIMESTEPS):
            s0 = torch.bernoulli(x)
            x0 = DECAY * x0 + s0
            u = DECAY * v + TracedLinear.apply(s0, x0, first.weight, first.bias)
            s1 = Fire.apply(u)
            v = (u - THRESHOLD * s1).detach()
            x1 = DECAY * x1 + s1.detach()
            o = TracedLinear.apply(s1, x1, last.weight, last.bias)
            self.optimiser.zero_grad()
            (cross_entropy(o, y) / TIMESTEPS).backward()
            self.optimiser.step()


def main() -> None:
    """Answer requests until standard input ends."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    learners = {"hand": ByHand(), "autograd": ByAutograd()}
    print(json.dumps({"version": torch.__version__}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        learner = learners[request["learner"]]
        x, y = images(request["iterations"], request["batch"], generator)
        start = time.process_time()
        for k in range(request["iterations"]):
            learner.learn(x[k], y[k])
        print(json.dumps({"seconds": time.process_time() - start}), flush=True)


if __name__ == "__main__":
    main()
