"""``open_dataset``: opens a data set by name."""

import functools
import logging
import os

from bgan_jax.data.cache import open_pack
from bgan_jax.data.catalogue import CATALOGUE, OWN
from bgan_jax.data.dataset import Dataset
from bgan_jax.data.packed_split import pack_split
from bgan_jax.data.skipped import in_one_line
from bgan_jax.data.source import Request

_log = logging.getLogger(__name__)


def open_dataset(
    name: str,
    *,
    split: str = "train",
    data_dir: str | os.PathLike[str] | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    download: bool = False,
    resolution: int | None = None,
    palette: int | None = None,
    quantizer: str | None = None,
    dither: str | None = None,
    binarization: str | None = None,
    value_range: str | None = None,
    length: int | None = None,
    short_lines: str | None = None,
    long_lines: str | None = None,
    text_field: str | None = None,
    vocabulary: tuple[str, ...] | None = None,
    columns: str | None = None,
    header: str | None = None,
    max_categories: int | None = None,
    bins: int | None = None,
) -> Dataset:
    """Opens one split of a data set by name.

    Args:
      name: a name of :data:`bgan_jax.data.catalogue.CATALOGUE`, or ``npz:PATH``, ``images:PATH``, ``text:PATH``,
        ``csv:PATH``.
      split: ``"train"``, ``"test"`` or another split of the data set.
      data_dir: folder of prepared data; by default that of tensorflow-datasets (``TFDS_DATA_DIR``, else
        ``~/tensorflow_datasets``).
      cache_dir: folder of packed splits; by default ``BGAN_JAX_CACHE``, else ``bgan_jax`` in the user's cache folder.
      download: allow downloads; by default nothing is downloaded.
      resolution: height and width of images, in pixels; the central square is cropped and resized.
      palette: number of colours that RGB images are quantised to, 2 to 256.
      quantizer: how the palette is chosen: ``"kmeans"`` (the default) or ``"median_cut"`` (the paper's).
      dither: ``"none"`` (the default) or ``"floyd_steinberg"`` (the paper's).
      binarization: of grey images: ``"threshold"`` (above 127), ``"stochastic"`` (a pixel is 1 with probability
        intensity / 255, drawn on the device) or ``"none"`` (continuous).
      value_range: of arrays, the values of black and white: ``"0,1"``, ``"-1,1"`` or ``"0,255"``; by default 0 and 255
        of uint8. Grey images of these two values alone are bits.
      length: symbols of a text example, 32 by default.
      short_lines: ``"drop"`` drops lines of fewer symbols (the default), ``"pad"`` pads them with backticks.
      long_lines: ``"split"`` splits lines of more symbols into consecutive examples (the default for ``text:PATH``),
        ``"cut"`` keeps their first symbols (the default for ``austen32``).
      text_field: of a text file whose lines are JSON objects, the field that is the text.
      vocabulary: the symbols of text, from a saved record; by default all that occur in the file.
      columns: of a table, the kinds of columns, as in ``"age:number,zip:category"``; by default they are inferred.
      header: of a table, ``"yes"`` or ``"no"``, whether its first row has the names of the columns; by default it has,
        and a row that looks like data is refused.
      max_categories: of a column of a table, 64 by default; rarer values become one, "other".
      bins: of a column of numbers, 32 by default.

    Returns:
      The split.

    Raises:
      DatasetNotFoundError: the data are not on this machine; the message says how to get them.
      BadDataError: a file has invalid content.
      MissingExtraError: reading or preparing needs an optional package that is not installed.
      ValueError: an unknown name, split or option.

    Example:
      >>> digits = open_dataset("mnist10k")
      >>> len(digits), digits.rows([0, 1]).shape
      (9000, (2, 28, 28, 1))
    """
    base, colon, path = name.partition(":")
    if base not in CATALOGUE or bool(colon) != (base in OWN):
        names = [f"{known}:PATH" if known in OWN else known for known in CATALOGUE]
        raise ValueError(f"unknown dataset {name!r}; there are: {', '.join(names)}")
    entry = CATALOGUE[base]
    request = Request(
        base,
        path,
        split=split,
        data_dir=None if data_dir is None else os.fspath(data_dir),
        download=download,
        resolution=resolution,
        palette=palette,
        quantizer=quantizer,
        dither=dither,
        binarization=binarization,
        value_range=value_range,
        length=length,
        short_lines=short_lines,
        long_lines=long_lines,
        text_field=text_field,
        vocabulary=vocabulary,
        columns=columns,
        header=header,
        max_categories=max_categories,
        bins=bins,
        licence=entry.licence,
        citation=entry.citation,
    )
    for option in request.options:
        if option not in entry.options:
            raise ValueError(f"dataset {base} takes no {option}; it takes: {', '.join(entry.options) or 'no options'}")
    source = entry.source(request)
    if source.cached:
        dataset = open_pack(source, name=name, split=split, cache_dir=cache_dir)
    else:
        dataset = pack_split(source.read(), where=source.where)
    if dataset.skipped:
        _log_once(logging.WARNING, f"{name}: {in_one_line(dataset.skipped)}")
    if dataset.spec.columns is not None and base in OWN:
        for column in dataset.spec.columns:
            _log_once(logging.INFO, f"{name}: {column.name}: {column.summary}")
    if dataset.characters and base in OWN:
        used, dropped = dataset.characters["used"], dataset.characters["dropped"]
        _log_once(logging.INFO, f"{name}: {used:,} characters in the examples, {dropped:,} dropped")
    return dataset


@functools.cache
def _log_once(level: int, line: str) -> None:
    """Logs a line the first time only: every split of a data set skips the same files that are of no split."""
    _log.log(level, "%s", line)
