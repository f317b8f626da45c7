"""docs/own_data.md lists the names, options and reasons that the readers have."""

import dataclasses
import re

from bgan_jax.data.catalogue import CATALOGUE, OWN
from bgan_jax.data.class_labels import MAX_CLASSES
from bgan_jax.data.image_decoding import UNDECODABLE
from bgan_jax.data.readers import array_names, file_sets, images
from bgan_jax.data.value_range import VALUE_RANGES
from experiments.harness.runs.run_flags import DatasetOptions
from tests.test_layers import ROOT

PAGE = (ROOT / "docs" / "own_data.md").read_text(encoding="utf-8")


def test_every_name_of_an_array_is_on_the_page():
    named = set(re.findall(r"`(\w+)`", PAGE))
    assert {*array_names.IMAGES, *array_names.LABELS, *array_names.OTHER_SPLITS, "palette", "label_names"} <= named
    for names in (array_names.image_names("test"), array_names.label_names("test")):
        assert set(names) <= named


def test_every_option_of_own_data_is_on_the_page_and_no_other():
    flags = {field.name for field in dataclasses.fields(DatasetOptions)}
    shown = set(re.findall(r"--(\w+)", PAGE))
    options = {option for name in OWN for option in CATALOGUE[name].options} & flags
    assert options - {"quantizer", "dither"} <= shown <= flags
    ranges = "|".join(VALUE_RANGES)
    assert re.search(rf"--value_range=({ranges})`, `({ranges})` or `({ranges})`", PAGE)
    assert f"{MAX_CLASSES:,}" in PAGE


def test_every_reason_is_on_the_page_and_no_other():
    reasons = set(re.findall(r"^\| `([^`]+)` \| [^|]+ \|$", PAGE, re.MULTILINE))
    assert reasons == {
        UNDECODABLE, images.OUTSIDE, file_sets.REPEATED, file_sets.LINKED, file_sets.ARCHIVED_LINK,
        file_sets.BROKEN_LINK, file_sets.UNREADABLE, file_sets.SPECIAL, array_names.UNUSED_ARRAY,
    }  # fmt: skip
