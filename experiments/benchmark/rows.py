"""The rows of the benchmark: a network, its data, and the sizes of a step."""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """A training step to be timed, the same in every framework.

    Attributes:
      name: of the row.
      network: preset of ``bgan_jax.networks``.
      kind: of the data: ``"binary"``, ``"categorical"``, ``"text"`` or ``"continuous"``.
      shape: of one example, channels or symbols last, as the discriminator sees it.
      num_samples: M; 0 for continuous data.
      batch_size: N.
      width: base number of maps; ``None`` is the preset's.
      penalty: the gradient-norm penalty's coefficient.
      penalty_stride: the penalty is taken on every so many-th example.
    """

    name: str
    network: str
    kind: str
    shape: tuple[int, ...]
    num_samples: int
    batch_size: int = 64
    width: int | None = None
    penalty: float = 0.0
    penalty_stride: int = 1


def _digits(num_samples: int) -> Row:
    return Row(
        f"digits, small, M = {num_samples}", "dcgan28_small", "binary", (28, 28, 1), num_samples, penalty=0.5,
        penalty_stride=4,
    )  # fmt: skip


def _authors_digits(num_samples: int) -> Row:
    return Row(f"digits, authors', M = {num_samples}", "mnist_theano", "binary", (28, 28, 1), num_samples)


#: By a short name for ``--rows``.
ROWS: dict[str, Row] = {
    "digits_5": _digits(5),
    "digits_20": _digits(20),
    "digits_100": _digits(100),
    "digits_1000": _digits(1000),
    "digits_authors_5": _authors_digits(5),
    "digits_authors_20": _authors_digits(20),
    "digits_authors_100": _authors_digits(100),
    "digits_authors_1000": _authors_digits(1000),
    "palette": Row("32x32, 16 colours, M = 20", "dcgan32_categorical", "categorical", (32, 32, 16), 20, width=32),
    "characters": Row("32 characters of 80, M = 20", "characters_theano", "text", (32, 80), 20, width=64),
    "dcgan32": Row("continuous DCGAN-32", "dcgan32_cortex", "continuous", (32, 32, 3), 0, penalty=1.0),
    "resnet64": Row("continuous ResNet-64", "resnet64", "continuous", (64, 64, 3), 0, 16, 16, penalty=1.0),
}
SMOKE_ROW = Row("digits, tiny", "dcgan28_small", "binary", (28, 28, 1), 4, 32, 4, penalty=0.5, penalty_stride=4)
TINY_ROW = Row("digits, tiny, dense", "mlp", "binary", (28, 28, 1), 2, 16, 8)
