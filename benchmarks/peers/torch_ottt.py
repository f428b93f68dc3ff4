"""OTTT in torch, hand-written and by autograd: the peer of the learning benchmarks.

Run by a Python that has torch. It reads one request a line from standard input, a JSON object with
`learner`, `batch` and `iterations`, learns so many batches of random images as bright as MNIST's,
and answers with the CPU seconds that they took, drawing apart.

All learners have LIF neurons with soft reset, decay 1/2 and a sigmoid surrogate, T = 6 steps, and
learn by plain SGD:

hand, autograd, published     784-800-10, on-line (OTTT-O), Bernoulli spikes drawn on the way
hand-spikes, autograd-spikes  784-800-10, one step a batch (OTTT-A), spikes drawn before
hand-images, autograd-images  784-800-10, one step a batch (OTTT-A), the image at every step
autograd-conv                 15C5-P2-40C5-P2-300-10, one step a batch (OTTT-A), the image
autograd-conv-online          the same, on-line (OTTT-O)

Input that is spikes is traced, images are not. What an image's first product gives, and the
gradient of its weights, are computed once a batch where weights change once a batch.
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
        """OTTT-O on spikes that are drawn on the way."""
        if len(y) == 1:
            self._learn_one(x[0], int(y[0]))
            return
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

    def _learn_one(self, x: Tensor, y: int) -> None:
        """The same by products of vectors, which are faster for one sample."""
        (w1, w2), (b1, b2) = self.weights, self.biases
        v = torch.zeros(SIZES[1])
        x0, x1 = torch.zeros(SIZES[0]), torch.zeros(SIZES[1])
        step = -RATE / TIMESTEPS
        for _ in range(TIMESTEPS):
            s0 = torch.bernoulli(x)
            x0.mul_(DECAY).add_(s0)
            u = torch.addmv(b1, w1, s0).add_(v, alpha=DECAY)
            s1 = (u >= THRESHOLD).float()
            v = u - THRESHOLD * s1
            x1.mul_(DECAY).add_(s1)
            error = torch.softmax(torch.addmv(b2, w2, s1), 0)
            error[y] -= 1.0
            delta = torch.mv(w2.t(), error).mul_(surrogate(u))
            w2.addr_(error, x1, alpha=step)
            b2.add_(error, alpha=step)
            w1.addr_(delta, x0, alpha=step)
            b1.add_(delta, alpha=step)


class AccumulatingByHand(ByHand):
    """OTTT-A: gradients are summed over the steps, then one step of SGD."""

    @torch.no_grad()
    def learn(self, x: Tensor, y: Tensor) -> None:
        """Frames (T, batch, 784), traced, or images (batch, 784).

        The current of an image, and the gradient that is due to it, are computed once.
        """
        (w1, w2), (b1, b2) = self.weights, self.biases
        batch, is_still = len(y), x.dim() == 2
        rows = torch.arange(batch)
        v = torch.zeros(batch, SIZES[1])
        x0, x1 = torch.zeros(batch, SIZES[0]), torch.zeros(batch, SIZES[1])
        g1, g2 = torch.zeros_like(w1), torch.zeros_like(w2)
        c1, c2 = torch.zeros_like(b1), torch.zeros_like(b2)
        still = torch.addmm(b1, x, w1.t()) if is_still else None
        deltas = torch.zeros(batch, SIZES[1])
        for t in range(TIMESTEPS):
            if is_still:
                u = torch.add(still, v, alpha=DECAY)
            else:
                x0.mul_(DECAY).add_(x[t])
                u = torch.addmm(b1, x[t], w1.t()).add_(v, alpha=DECAY)
            s1 = (u >= THRESHOLD).float()
            v = u - THRESHOLD * s1
            x1.mul_(DECAY).add_(s1)
            error = torch.softmax(torch.addmm(b2, s1, w2.t()), 1)
            error[rows, y] -= 1.0
            error /= batch * TIMESTEPS
            delta = error.mm(w2).mul_(surrogate(u))
            g2.addmm_(error.t(), x1)
            c2.add_(error.sum(0))
            if is_still:
                deltas.add_(delta)
            else:
                g1.addmm_(delta.t(), x0)
            c1.add_(delta.sum(0))
        if is_still:
            g1.addmm_(deltas.t(), x)
        for parameter, gradient in ((w1, g1), (b1, c1), (w2, g2), (b2, c2)):
            parameter.add_(gradient, alpha=-RATE)


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
    """The same with torch.autograd, a graph for each step, with one product forward."""

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


class AsPublished(ByAutograd):
    """The same as OTTT's authors write it (M. Xiao et al., NeurIPS 2022, and the code with it): a
    product of the spikes for the value, and one of their traces for the gradient.
    """

    def learn(self, x: Tensor, y: Tensor) -> None:
        first, last = self.layers
        v = torch.zeros(len(y), SIZES[1])
        x0, x1 = torch.zeros(len(y), SIZES[0]), torch.zeros(len(y), SIZES[1])
        for _ in range(TIMESTEPS):
            s0 = torch.bernoulli(x)
            x0 = DECAY * x0 + s0
            u = DECAY * v + current(first, s0, x0)
            s1 = Fire.apply(u)
            v = (u - THRESHOLD * s1).detach()
            x1 = DECAY * x1 + s1.detach()
            o = current(last, s1, x1)
            self.optimiser.zero_grad()
            (cross_entropy(o, y) / TIMESTEPS).backward()
            self.optimiser.step()


class AccumulatingByAutograd(ByAutograd):
    """OTTT-A: backward at every step adds to the gradients, then one step of SGD."""

    def learn(self, x: Tensor, y: Tensor) -> None:
        """Frames (T, batch, 784), traced, or images (batch, 784)."""
        first, last = self.layers
        is_still = x.dim() == 2
        v = torch.zeros(len(y), SIZES[1])
        x0, x1 = torch.zeros(len(y), SIZES[0]), torch.zeros(len(y), SIZES[1])
        self.optimiser.zero_grad()
        if is_still:
            still = first(x)
            shared = still.detach().requires_grad_()
        for t in range(TIMESTEPS):
            if is_still:
                u = DECAY * v + shared
            else:
                x0 = DECAY * x0 + x[t]
                u = DECAY * v + TracedLinear.apply(x[t], x0, first.weight, first.bias)
            s1 = Fire.apply(u)
            v = (u - THRESHOLD * s1).detach()
            x1 = DECAY * x1 + s1.detach()
            o = TracedLinear.apply(s1, x1, last.weight, last.bias)
            (cross_entropy(o, y) / TIMESTEPS).backward()
        if is_still:
            still.backward(shared.grad)
        self.optimiser.step()


class Traced(torch.autograd.Function):
    """Spikes forward, and their trace where the gradient of the next weights is taken.

    What comes down goes to the spikes; pools lie between, so both ways are linear.
    """

    @staticmethod
    def forward(ctx, s, trace):
        return trace.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient, None


class ReplacedForward(torch.autograd.Function):
    """The value of one tensor, the gradient of another."""

    @staticmethod
    def forward(ctx, value, through):
        return value.clone()

    @staticmethod
    def backward(ctx, gradient):
        return None, gradient


def current(block: torch.nn.Module, s: Tensor, trace: Tensor) -> Tensor:
    """What a block makes of spikes, with the gradient of what it makes of their trace."""
    with torch.no_grad():
        value = block(s)
    return ReplacedForward.apply(value, block(Traced.apply(s, trace)))


class Convolutional:
    """15C5-P2-40C5-P2-300-10 with torch.autograd, as OTTT's authors' code does it."""

    def __init__(self, is_online: bool) -> None:
        self.is_online = is_online
        self.blocks = torch.nn.ModuleList(
            [
                torch.nn.Conv2d(1, 15, 5),
                torch.nn.Sequential(torch.nn.AvgPool2d(2), torch.nn.Conv2d(15, 40, 5)),
                torch.nn.Sequential(
                    torch.nn.AvgPool2d(2), torch.nn.Flatten(), torch.nn.Linear(640, 300)
                ),
                torch.nn.Linear(300, SIZES[-1]),
            ]
        )
        self.optimiser = torch.optim.SGD(self.blocks.parameters(), lr=RATE)

    def learn(self, x: Tensor, y: Tensor) -> None:
        """Images (batch, 784), untraced."""
        images_ = x.reshape(-1, 1, 28, 28)
        membranes: list[Tensor | float] = [0.0] * 3
        traces: list[Tensor | float] = [0.0] * 3
        self.optimiser.zero_grad()
        if not self.is_online:
            still = self.blocks[0](images_)
            shared = still.detach().requires_grad_()
        for _ in range(TIMESTEPS):
            o = self.blocks[0](images_) if self.is_online else shared
            for number, block in enumerate(self.blocks[1:]):
                u = DECAY * membranes[number] + o
                s = Fire.apply(u)
                membranes[number] = (u - THRESHOLD * s).detach()
                traces[number] = DECAY * traces[number] + s.detach()
                o = current(block, s, traces[number])
            (cross_entropy(o, y) / TIMESTEPS).backward()
            if self.is_online:
                self.optimiser.step()
                self.optimiser.zero_grad()
        if not self.is_online:
            still.backward(shared.grad)
            self.optimiser.step()


def main() -> None:
    """Answer requests until standard input ends."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    learners = {
        "hand": ByHand(),
        "autograd": ByAutograd(),
        "published": AsPublished(),
        "hand-spikes": AccumulatingByHand(),
        "autograd-spikes": AccumulatingByAutograd(),
        "hand-images": AccumulatingByHand(),
        "autograd-images": AccumulatingByAutograd(),
        "autograd-conv": Convolutional(is_online=False),
        "autograd-conv-online": Convolutional(is_online=True),
    }
    print(json.dumps({"version": torch.__version__}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        learner = learners[request["learner"]]
        x, y = images(request["iterations"], request["batch"], generator)
        if request["learner"].endswith("-spikes"):
            x = torch.stack([torch.bernoulli(x) for _ in range(TIMESTEPS)], dim=1)
        start = time.process_time()
        for k in range(request["iterations"]):
            learner.learn(x[k], y[k])
        print(json.dumps({"seconds": time.process_time() - start}), flush=True)


if __name__ == "__main__":
    main()
