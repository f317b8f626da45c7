"""The data sets by name, with their readers and options. A new data set is a new line here."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from bgan_jax.data.readers import embedded, generated_table, images, npz, standard, table, text
from bgan_jax.data.source import Request, Source


class Entry(NamedTuple):
    """A data set of the catalogue.

    Attributes:
      summary: one line that describes it.
      source: its reader.
      options: the fields of :class:`bgan_jax.data.source.Request` that it takes.
      licence: short name of the licence or terms of use.
      citation: whom to cite.
    """

    summary: str
    source: Callable[[Request], Source]
    options: tuple[str, ...] = ()
    licence: str = ""
    citation: str = ""


_BINARIZED = ("binarization",)
_QUANTIZED = ("quantizer", "dither")
_CUT = ("length",)
_LINES = ("length", "short_lines", "long_lines", "vocabulary")

_MNIST = ("CC BY-SA 3.0", "LeCun, Cortes and Burges, The MNIST database of handwritten digits, 1998")
_EMOJI = ("Apache-2.0", "Google, Noto Color Emoji, through emoji-datasource-google 16.0.0")
_AUSTEN = ("public domain", "Jane Austen, six novels, 1811-1818, through janeaustenr 1.0.0 (Silge, MIT)")
_BINARIZED_MNIST = ("CC BY-SA 3.0", "Salakhutdinov and Murray, On the quantitative analysis of deep belief nets, 2008")
_CIFAR = ("research", "Krizhevsky, Learning multiple layers of features from tiny images, 2009")
_CELEBA = ("non-commercial research", "Liu, Luo, Wang and Tang, Deep learning face attributes in the wild, 2015")
_LSUN = ("research", "Yu et al., LSUN: construction of a large-scale image dataset, 2015")
_IMAGENET = ("non-commercial research", "Deng et al., ImageNet: a large-scale hierarchical image database, 2009")
_IMAGENET_RESIZED = (
    "non-commercial research",
    "Chrabaszcz, Loshchilov and Hutter, A downsampled variant of ImageNet, 2017",
)
_LM1B = ("Apache-2.0", "Chelba et al., One billion word benchmark for measuring progress, 2013")

_MANUALLY = " put ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar into its folder downloads/manual, and"


def _images(summary: str, builder: str, resolution: int, terms: tuple[str, str], **facts: object) -> Entry:
    options = _QUANTIZED if facts.get("palette") else ()
    source = partial(standard.rgb_images, builder=builder, resolution=resolution, **facts)  # type: ignore[arg-type]
    return Entry(summary, source, options, *terms)


CATALOGUE: Mapping[str, Entry] = {
    # Embedded in the package: always available.
    "mnist10k": Entry("10,000 digits, 28x28, binarised", embedded.mnist10k, _BINARIZED, *_MNIST),
    "emoji16": Entry("3,767 emoji, 32x32, in 16 colours", embedded.emoji16, _QUANTIZED, *_EMOJI),
    "emoji32": Entry("3,767 emoji, 32x32 RGB", embedded.emoji32, (), *_EMOJI),
    "austen32": Entry(
        "sentences of Jane Austen, cut to 32 characters",
        embedded.austen32,
        _LINES,
        *_AUSTEN,
    ),
    "commute": Entry("10,000 rows of 8 columns, drawn from known distributions", generated_table.commute),
    # Prepared by tensorflow-datasets, or in their original files.
    "mnist": Entry("70,000 digits, 28x28, binarised", standard.mnist, _BINARIZED, *_MNIST),
    "binarized_mnist": Entry("70,000 digits, binarised once", standard.binarized_mnist, (), *_BINARIZED_MNIST),
    "cifar10": _images("60,000 objects, 32x32 RGB, 10 classes", "cifar10", 32, _CIFAR, labelled=True),
    "celeba16": _images("202,599 faces, 32x32, in 16 colours", "celeb_a", 32, _CELEBA, palette=16),
    "celeba64": _images("202,599 faces, 64x64 RGB", "celeb_a", 64, _CELEBA),
    "celeba128": _images("202,599 faces, 128x128 RGB", "celeb_a", 128, _CELEBA),
    "lsun_bedroom64": Entry("3,033,042 bedrooms, 64x64 RGB", partial(standard.lsun_bedroom, resolution=64), (), *_LSUN),
    "lsun_bedroom128": Entry(
        "3,033,042 bedrooms, 128x128 RGB", partial(standard.lsun_bedroom, resolution=128), (), *_LSUN
    ),
    "imagenet32": _images(
        "ImageNet, 32x32 RGB, 1,000 classes", "imagenet_resized/32x32", 32, _IMAGENET_RESIZED, labelled=True
    ),
    "imagenet64": _images(
        "ImageNet, 64x64 RGB, 1,000 classes", "imagenet_resized/64x64", 64, _IMAGENET_RESIZED, labelled=True
    ),
    "imagenet128": _images(
        "ImageNet, 128x128 RGB, 1,000 classes", "imagenet2012", 128, _IMAGENET, labelled=True, first=_MANUALLY
    ),
    "lm1b": Entry("sentences of news, cut to 32 characters", partial(standard.lm1b, short_lines="drop"), _CUT, *_LM1B),
    "lm1b_padded": Entry(
        "the same, short ones padded with backticks", partial(standard.lm1b, short_lines="pad"), _CUT, *_LM1B
    ),
    # The user's own files: NAME:PATH.
    "npz": Entry(
        "npz:FILE (npz, npy), your arrays", npz.npz_file, ("palette", *_QUANTIZED, "binarization", "value_range")
    ),
    "images": Entry(
        "images:FOLDER or images:ARCHIVE (tar, zip), your images",
        images.image_files,
        ("resolution", "palette", *_QUANTIZED, "binarization"),
    ),
    "text": Entry("text:FILE, your text", text.text_file, (*_LINES, "text_field")),
    "csv": Entry(
        "csv:FILE (CSV, Parquet), your table", table.csv_file, ("columns", "header", "max_categories", "bins")
    ),
}
OWN = ("npz", "images", "text", "csv")
# Always there: their data come with the package.
EMBEDDED = ("mnist10k", "emoji16", "emoji32", "austen32", "commute")
