"""Which names there are, what each means, and which options it takes."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from bgan_jax.data.readers import embedded
from bgan_jax.data.source import Request, Source


class Entry(NamedTuple):
    """One name: the reader behind it, the options it takes, one line about it."""

    source: Callable[[Request], Source]
    options: tuple[str, ...]
    summary: str


CATALOGUE: Mapping[str, Entry] = {
    "mnist10k": Entry(embedded.mnist10k, ("binarization",), "embedded: 10,000 binarised digits, 28x28"),
}
