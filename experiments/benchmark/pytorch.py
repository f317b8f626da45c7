"""The same training step in PyTorch, written as well as we can, to compare ours with.

Same networks, same M, same loss, same penalty on the same share of the batch, Adam, and a moving average. It too uses
that the generator's gradient is that at the weighted mean sample, so what is compared is the execution.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from experiments.benchmark.ours import EXAMPLES, synthetic_rows
from experiments.benchmark.program import Program
from experiments.benchmark.pytorch_networks import TorchNetworks, build_torch_networks
from experiments.benchmark.rows import Row


class TorchStep:
    """A training step with its state."""

    def __init__(self, row: Row, *, compiled: bool, device: str) -> None:
        self.row = row
        self.device = device
        networks: TorchNetworks = build_torch_networks(row)
        self.networks = networks
        self.gen, self.disc = networks.gen.to(device), networks.disc.to(device)
        self.fast_gen: Any = torch.compile(self.gen) if compiled else self.gen
        self.fast_disc: Any = torch.compile(self.disc) if compiled else self.disc
        fused: dict[str, Any] = {"betas": (0.5, 0.999), "lr": 1e-4, "fused": True}
        self.gen_optimizer = torch.optim.Adam(self.gen.parameters(), **fused)
        self.disc_optimizer = torch.optim.Adam(self.disc.parameters(), **fused)
        self.average = [parameter.detach().clone() for parameter in self.gen.parameters()]
        rows = torch.from_numpy(synthetic_rows(row)).to(device)
        if row.kind == "binary":
            self.data = rows.permute(0, 3, 1, 2).contiguous().float()
        elif row.kind == "continuous":
            self.data = rows.permute(0, 3, 1, 2).contiguous()
        else:
            self.data = _one_hot_first(rows.long(), row.shape[-1])
        self.step_number = 0

    def step(self) -> None:
        """Updates the discriminator and then the generator on the same samples."""
        row, size = self.row, self.row.batch_size
        start = (self.step_number * size) % EXAMPLES
        self.step_number += 1
        real = self.data[start : start + size]
        draw = torch.rand if self.networks.uniform_latents else torch.randn
        output = self.fast_gen(draw(size, self.networks.latent_dim, device=self.device))
        if row.kind == "continuous":
            self._continuous(real, output)
        else:
            self._discrete(real, output)
        torch._foreach_lerp_(self.average, list(self.gen.parameters()), 0.01)

    def _discrete(self, real: torch.Tensor, logits: torch.Tensor) -> None:
        samples = self._samples(logits.detach())
        fake_logits = self.fast_disc(samples.flatten(0, 1))
        loss = functional.softplus(-self.fast_disc(real)).mean() + functional.softplus(fake_logits).mean()
        stride = self.row.penalty_stride
        if self.row.penalty:
            probs = torch.sigmoid(logits.detach()) if self.row.kind == "binary" else logits.detach().softmax(1)
            loss = loss + self._penalty(real[::stride], probs[::stride])
        self._update(self.disc_optimizer, loss)
        weights = fake_logits.detach().reshape(samples.shape[:2]).softmax(0)
        # Only what multiplies the logits depends on the samples: the weighted mean sample less the mean sample.
        pull = torch.einsum("mn,mn...->n...", weights - 1.0 / self.row.num_samples, samples)
        self._update(self.gen_optimizer, -(pull * logits).sum() / len(logits))

    def _continuous(self, real: torch.Tensor, fake: torch.Tensor) -> None:
        fake_loss = functional.softplus(self.fast_disc(fake.detach())).mean()
        loss = functional.softplus(-self.fast_disc(real)).mean() + fake_loss
        if self.row.penalty:
            loss = loss + self._penalty(real, fake.detach())
        self._update(self.disc_optimizer, loss)
        self._update(self.gen_optimizer, self.fast_disc(fake).square().mean())

    def _samples(self, logits: torch.Tensor) -> torch.Tensor:
        number = self.row.num_samples
        if self.row.kind == "binary":
            return torch.rand((number, *logits.shape), device=self.device).lt_(torch.sigmoid(logits)).float()
        probs = logits.softmax(1).movedim(1, -1)
        drawn = torch.multinomial(probs.flatten(0, -2), number, replacement=True).T
        return _one_hot_first(drawn.reshape(number * len(logits), *probs.shape[1:-1]), probs.shape[-1]).unflatten(
            0, (number, len(logits))
        )

    def _penalty(self, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
        points = torch.cat([real, fake]).requires_grad_()
        # A compiled module cannot be differentiated twice.
        statistic = self.disc(points)
        (slope,) = torch.autograd.grad(statistic.sum(), points, create_graph=True)
        squares = slope.flatten(1).square().sum(1)
        real_part = torch.sigmoid(-statistic[: len(real)]).square() * squares[: len(real)]
        fake_part = torch.sigmoid(statistic[len(real) :]).square() * squares[len(real) :]
        return 0.5 * self.row.penalty * (real_part.mean() + fake_part.mean())

    @staticmethod
    def _update(optimizer: torch.optim.Optimizer, loss: torch.Tensor) -> None:
        optimizer.zero_grad(set_to_none=True)
        # Of this player alone: what is not asked for is not computed.
        loss.backward(inputs=optimizer.param_groups[0]["params"])
        optimizer.step()


def _one_hot_first(symbols: torch.Tensor, number: int) -> torch.Tensor:
    return functional.one_hot(symbols, number).movedim(-1, 1).contiguous().float()


def program_of(name: str, take_steps: Callable[[int], None], *, compiled: bool = False) -> Program:
    """Makes a program of steps in PyTorch, and runs its first two.

    Args:
      name: of the program.
      take_steps: takes a number of steps; on a GPU it does not have to wait for them.
      compiled: whether the first step compiles.
    """
    on_gpu = torch.cuda.is_available()

    def run(steps: int) -> None:
        take_steps(steps)
        if on_gpu:
            torch.cuda.synchronize()

    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    began = time.perf_counter()
    run(1)
    seconds = time.perf_counter() - began
    run(1)
    megabytes = torch.cuda.max_memory_allocated() / 2**20 if on_gpu else None
    return Program(name=name, run=run, compile_seconds=seconds if compiled else 0.0, megabytes=megabytes)


def pytorch(row: Row, *, compiled: bool) -> Program:
    """Makes the program of a row's step in PyTorch, and runs its first two steps."""
    torch.manual_seed(0)
    stepper = TorchStep(row, compiled=compiled, device="cuda" if torch.cuda.is_available() else "cpu")

    def take_steps(steps: int) -> None:
        for _ in range(steps):
            stepper.step()

    return program_of(f"PyTorch {'compiled' if compiled else 'eager'}", take_steps, compiled=compiled)
