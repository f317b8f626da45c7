"""The benchmark's networks in PyTorch, channels first; equal in every layer to our presets (counted, see the tests)."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import nn

from experiments.benchmark.rows import Row


class TorchNetworks(NamedTuple):
    """Two modules and the latents they take.

    Attributes:
      gen: latents ``[N, d]`` -> logits or pixels, channels (or symbols) first.
      disc: points, channels first -> F ``[N]``.
      latent_dim: d.
      uniform_latents: whether latents are uniform on [0, 1) rather than normal.
    """

    gen: nn.Module
    disc: nn.Module
    latent_dim: int
    uniform_latents: bool


class _First(nn.Module):
    """Takes the only column."""

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return hidden[:, 0]


def _dense(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), nn.ReLU()]


def _up(inputs: int, outputs: int, kernel: int) -> nn.Module:
    """Returns a transposed convolution that doubles the side."""
    if kernel == 4:
        return nn.ConvTranspose2d(inputs, outputs, 4, 2, padding=1, bias=False)
    return nn.ConvTranspose2d(inputs, outputs, 5, 2, padding=2, output_padding=1, bias=False)


def _up_normalized(inputs: int, outputs: int, kernel: int) -> list[nn.Module]:
    return [_up(inputs, outputs, kernel), nn.BatchNorm2d(outputs), nn.ReLU()]


def _last_up(inputs: int, outputs: int, kernel: int) -> nn.Module:
    layer = _up(inputs, outputs, kernel)
    layer.register_parameter("bias", nn.Parameter(torch.zeros(outputs)))
    return layer


def _down(inputs: int, outputs: int, kernel: int, *, slope: float) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, kernel, 2, padding=(kernel - 1) // 2), nn.LeakyReLU(slope)]


def _digits(*, width: int, dense: int, disc_dense: int, kernel: int) -> tuple[nn.Module, nn.Module]:
    gen = nn.Sequential(
        *_dense(64, dense), *_dense(dense, 2 * width * 49), nn.Unflatten(1, (2 * width, 7, 7)),
        *_up_normalized(2 * width, width, kernel), _last_up(width, 1, kernel),
    )  # fmt: skip
    disc = nn.Sequential(
        *_down(1, width, kernel, slope=0.2), *_down(width, 2 * width, kernel, slope=0.2), nn.Flatten(),
        nn.Linear(2 * width * 49, disc_dense), nn.LeakyReLU(0.2), nn.Linear(disc_dense, 1), _First(),
    )  # fmt: skip
    return gen, disc


def _dcgan28_small(row: Row) -> TorchNetworks:
    width = row.width or 32
    gen, disc = _digits(width=width, dense=16 * width, disc_dense=8 * width, kernel=4)
    return TorchNetworks(gen, disc, 64, False)


def _mnist_theano(row: Row) -> TorchNetworks:
    gen, disc = _digits(width=row.width or 64, dense=1024, disc_dense=1024, kernel=5)
    return TorchNetworks(gen, disc, 64, True)


def _dcgan32_categorical(row: Row) -> TorchNetworks:
    width, colours = row.width or 128, row.shape[-1]
    gen = nn.Sequential(
        *_dense(100, 4 * width * 16), nn.Unflatten(1, (4 * width, 4, 4)),
        *_up_normalized(4 * width, 2 * width, 5), *_up_normalized(2 * width, width, 5), _last_up(width, colours, 5),
    )  # fmt: skip
    disc = nn.Sequential(
        *_down(colours, width, 5, slope=0.2), *_down(width, 2 * width, 5, slope=0.2),
        *_down(2 * width, 4 * width, 5, slope=0.2), nn.Flatten(), nn.Linear(4 * width * 16, 1), _First(),
    )  # fmt: skip
    return TorchNetworks(gen, disc, 100, True)


class _TextBlock(nn.Module):
    """A residual block of two convolutions."""

    def __init__(self, width: int, *, batch_norm: bool, slope: float) -> None:
        super().__init__()

        def layer() -> nn.Module:
            conv = nn.Conv1d(width, width, 5, padding=2, bias=not batch_norm)
            return nn.Sequential(conv, nn.BatchNorm1d(width)) if batch_norm else conv

        self.branch = nn.Sequential(nn.LeakyReLU(slope), layer(), nn.ReLU(), layer())

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return hidden + self.branch(hidden)


def _characters_theano(row: Row) -> TorchNetworks:
    (length, symbols), width = row.shape, row.width or 256
    gen = nn.Sequential(
        nn.Linear(100, length * width, bias=False), nn.BatchNorm1d(length * width), nn.Unflatten(1, (width, length)),
        *(_TextBlock(width, batch_norm=True, slope=0.0) for _ in range(3)), nn.ReLU(),
        nn.Conv1d(width, symbols, 5, padding=2, bias=False), nn.BatchNorm1d(symbols),
    )  # fmt: skip
    disc = nn.Sequential(
        nn.Conv1d(symbols, width, 5, padding=2), *(_TextBlock(width, batch_norm=False, slope=0.2) for _ in range(3)),
        nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(length * width, 1), _First(),
    )  # fmt: skip
    return TorchNetworks(gen, disc, 100, True)


def _dcgan32_cortex(row: Row) -> TorchNetworks:
    width, channels = row.width or 64, row.shape[-1]
    gen = nn.Sequential(
        nn.Linear(64, 4 * width * 16, bias=False), nn.Unflatten(1, (4 * width, 4, 4)), nn.BatchNorm2d(4 * width),
        nn.ReLU(), *_up_normalized(4 * width, 2 * width, 4), *_up_normalized(2 * width, width, 4),
        *_up_normalized(width, width, 4), nn.Conv2d(width, channels, 3, padding=1), nn.Tanh(),
    )  # fmt: skip
    layers: list[nn.Module] = []
    for inputs, outputs in ((channels, width), (width, 2 * width), (2 * width, 4 * width)):
        layers += [nn.Conv2d(inputs, outputs, 4, 2, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.LeakyReLU(0.02)]
    disc = nn.Sequential(*layers, nn.Flatten(), nn.Linear(4 * width * 16, 1), _First())
    return TorchNetworks(gen, disc, 64, False)


class _ImageBlock(nn.Module):
    """A residual block that doubles or halves the side."""

    def __init__(self, inputs: int, outputs: int, *, up: bool) -> None:
        super().__init__()
        conv: Any = nn.Conv2d
        if up:
            self.shortcut = nn.Sequential(nn.Upsample(scale_factor=2), conv(inputs, outputs, 3, padding=1, bias=False))
            self.branch = nn.Sequential(
                nn.BatchNorm2d(inputs), nn.ReLU(), nn.Upsample(scale_factor=2),
                conv(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
                conv(outputs, outputs, 3, padding=1),
            )  # fmt: skip
        else:
            self.shortcut = nn.Sequential(nn.AvgPool2d(2), conv(inputs, outputs, 3, padding=1, bias=False))
            self.branch = nn.Sequential(
                nn.BatchNorm2d(inputs), nn.ReLU(), conv(inputs, inputs, 3, padding=1, bias=False),
                nn.BatchNorm2d(inputs), nn.ReLU(), conv(inputs, outputs, 3, padding=1, bias=False), nn.AvgPool2d(2),
            )  # fmt: skip

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return self.shortcut(hidden) + self.branch(hidden)


def _resnet64(row: Row) -> TorchNetworks:
    width, channels = row.width or 64, row.shape[-1]
    down = [width * 2**block for block in range(5)]
    up = [width * 8 // 2**block for block in range(5)]
    gen = nn.Sequential(
        nn.Linear(64, 16 * up[0], bias=False), nn.Unflatten(1, (up[0], 4, 4)), nn.BatchNorm2d(up[0]), nn.ReLU(),
        *(_ImageBlock(up[i], up[i + 1], up=True) for i in range(4)), nn.BatchNorm2d(up[-1]), nn.ReLU(),
        nn.Conv2d(up[-1], channels, 3, padding=1, bias=False), nn.Tanh(),
    )  # fmt: skip
    disc = nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1, bias=False),
        *(_ImageBlock(down[i], down[i + 1], up=False) for i in range(4)), nn.Flatten(), nn.Linear(16 * down[-1], 1),
        _First(),
    )  # fmt: skip
    return TorchNetworks(gen, disc, 64, False)


PRESETS = {
    "dcgan28_small": _dcgan28_small,
    "mnist_theano": _mnist_theano,
    "dcgan32_categorical": _dcgan32_categorical,
    "characters_theano": _characters_theano,
    "dcgan32_cortex": _dcgan32_cortex,
    "resnet64": _resnet64,
}


def build_torch_networks(row: Row) -> TorchNetworks:
    """Builds the two networks of a row."""
    return PRESETS[row.network](row)
