"""The one door: from a name to an opened split."""

from bgan_jax.data.assembly import assemble
from bgan_jax.data.catalogue import CATALOGUE
from bgan_jax.data.dataset import Dataset
from bgan_jax.data.source import Request


def open_dataset(
    name: str,
    *,
    split: str = "train",
    data_dir: str | None = None,
    cache_dir: str | None = None,
    download: bool = False,
    resolution: int | None = None,
    palette: str | None = None,
    num_colors: int | None = None,
    dither: str | None = None,
    binarization: str | None = None,
    length: int | None = None,
) -> Dataset:
    """Opens one split of a data set by name.

    Args:
      name: a name of :data:`bgan_jax.data.catalogue.CATALOGUE`, or ``npz:PATH``, ``images:PATH``, ``text:PATH``.
      split: ``"train"``, ``"test"`` or what else the data set has.
      data_dir: folder of prepared data; by default that of tensorflow-datasets (``TFDS_DATA_DIR`` or
        ``~/tensorflow_datasets``).
      cache_dir: folder of packed splits; by default ``BGAN_JAX_CACHE``, else ``bgan_jax`` in the user's cache folder.
      download: allow fetching over the network; without it nothing is ever downloaded.
      resolution: height and width of pictures, in pixels.
      palette: ``"kmeans"`` or ``"adaptive"`` (median cut, the paper's).
      num_colors: colours of the palette, 2 to 256.
      dither: ``"none"`` or ``"floyd"`` (Floyd-Steinberg, the paper's).
      binarization: of grey pictures: ``"threshold"`` (above 127), ``"stochastic"`` (a pixel is 1 with probability
        intensity / 255, drawn on the device) or ``"none"`` (continuous).
      length: symbols of a text example.

    Returns:
      The split.

    Raises:
      DatasetNotFoundError: the data are not there; says how to get them.
      BadDataError: a file holds something else than it should.
      ValueError: an unknown name, split or option.

    Example:
      >>> digits = open_dataset("mnist10k")
      >>> len(digits), digits.rows([0, 1]).shape
      (9000, (2, 28, 28, 1))
    """
    base, _, path = name.partition(":")
    if base not in CATALOGUE:
        raise ValueError(f"unknown dataset {name!r}; there are: {', '.join(sorted(CATALOGUE))}")
    entry = CATALOGUE[base]
    options = {
        "resolution": resolution,
        "palette": palette,
        "num_colors": num_colors,
        "dither": dither,
        "binarization": binarization,
        "length": length,
    }
    for option, value in options.items():
        if value is not None and option not in entry.options:
            raise ValueError(
                f"dataset {base} takes no option {option}; it takes: {', '.join(entry.options) or 'no options'}"
            )
    request = Request(base, path, split=split, data_dir=data_dir, download=download, **options)  # type: ignore[arg-type]
    source = entry.source(request)
    return assemble(source.read(), where=source.where)
