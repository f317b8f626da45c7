"""Implementations by other authors, timed beside ours: how a checkout of the user is recognised, and its rows.

None of their code is in this repository. ``pytorch_peers.py`` runs the checkout.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import NamedTuple

from experiments.benchmark.rows import Row
from experiments.harness.errors import UsageError


class Peer(NamedTuple):
    """An implementation by other authors.

    Attributes:
      address: where it is cloned from.
      files: the files that are run, by which a checkout is known.
      rows: what is timed, as our step takes it; a network's width is chosen so that both steps take about as much
        arithmetic.
      unequal: what differs between their step and ours all the same.
    """

    address: str
    files: tuple[str, ...]
    rows: tuple[Row, ...]
    unequal: str


def _bgan_pytorch_row(name: str, kind: str, number: int, *, width: int) -> Row:
    return Row(f"peer: bgan-pytorch, {name}, M = 20", "dcgan32_small", kind, (32, 32, number), 20, width=width)


BGAN_PYTORCH = Peer(
    address="https://github.com/kklemon/bgan-pytorch",
    files=("bgan/dcgan.py", "bgan/utils.py", "bgan/losses.py", "bgan/model.py", "config.py", "train.py"),
    rows=(
        _bgan_pytorch_row("32x32 binary", "binary", 1, width=24),
        _bgan_pytorch_row("32x32, 16 colours", "categorical", 16, width=44),
    ),
    unequal="both learn from all M fakes, without a penalty, from 64 latents, with about as much arithmetic. Theirs "
    "has a layer more in either network and a ladder of widths of its own, differentiates all M log-likelihoods, "
    "and reads four numbers every step; ours differentiates at the weighted mean sample, and keeps G's moving average",
)
PYTORCH_GAN = Peer(
    address="https://github.com/eriklindernoren/PyTorch-GAN",
    files=("implementations/bgan/bgan.py",),
    rows=(Row("peer: PyTorch-GAN, 28x28 continuous", "mlp", "continuous", (28, 28, 1), 0, width=608),),
    unequal="both are dense and take one fake per latent, without a penalty, with about as much arithmetic. Theirs has "
    "five layers with batch normalisation and tanh in G, 100 latents, probabilities whose logarithms its loss takes, "
    "and G before D, with D's gradient in G's update thrown away; ours has three layers in either, 16 latents, logits, "
    "D before G, and keeps G's moving average",
)
PEERS: dict[str, Peer] = {"bgan-pytorch": BGAN_PYTORCH, "PyTorch-GAN": PYTORCH_GAN}


def find_peers(paths: str) -> dict[str, Path]:
    """Returns the checkouts that the flag lists.

    Args:
      paths: their folders, separated by commas; may be empty.

    Returns:
      Folder by name of the peer.

    Raises:
      UsageError: a folder is missing, is not a peer's, or is the second of the same peer; or PyTorch is not installed.
    """
    legal = " or ".join(f"{name} ({peer.address})" for name, peer in PEERS.items())
    found: dict[str, Path] = {}
    for given in filter(None, (path.strip() for path in paths.split(","))):
        folder = Path(os.path.expanduser(given))
        whose = [name for name, peer in PEERS.items() if all((folder / file).is_file() for file in peer.files)]
        if not whose:
            what = "not a checkout of a peer" if folder.is_dir() else "no such folder"
            raise UsageError(f"--peer_path={given}: {what}; legal: {legal}; git clone one and give its folder")
        if whose[0] in found:
            raise UsageError(f"--peer_path={paths}: two checkouts of {whose[0]}; give one of each; legal: {legal}")
        found[whose[0]] = folder
    if found and importlib.util.find_spec("torch") is None:
        raise UsageError(f"--peer_path={paths}: PyTorch is not installed, and peers run in it; pip install torch")
    return found
