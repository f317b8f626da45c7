"""Data of a kind that a command does not take are refused with a remedy, and the remedy works."""

import itertools
import re

import numpy as np
import pytest
from PIL import Image

from bgan_jax.data import Column, DatasetSpec
from experiments.divergence_table import command as divergence_table
from experiments.harness.cli.catalogue import load_command
from experiments.harness.errors import UsageError
from experiments.harness.runs import data_kinds, start
from tests.exhaustive import one_in

SHORT = ["--smoke", "--compilation_cache=false", "--batch_size=16"]
# The commands that take a kind of data, with a network of 32x32 images.
COMMANDS = {
    "binary_images": ["--network=mlp"],
    "palette_images": [],
    "continuous_images": [],
    "text_characters": [],
    "table": [],
    "divergence_table": ["--network=mlp"],
}
DATA = [
    "npz:grey.npz", "npz:two.npz", "npz:rgb.npz", "npz:bits.npz", "npz:palette.npz", "images:folder",
    "images:folder --palette=16", "images:folder --binarization=threshold", "text:lines", "mnist10k",
    "mnist10k --binarization=none", "emoji16", "emoji32", "austen32", "commute",
]  # fmt: skip
OF_VALUES = "where the images are black and white alone"


class AcceptedError(Exception):
    """A command has begun to write, which it does once its data are accepted."""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder, draw = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    bits = draw.integers(0, 2, (60, 32, 32)).astype(np.uint8)
    colours = draw.integers(0, 256, (60, 32, 32, 3)).astype(np.uint8)
    np.savez(folder / "grey.npz", x=colours[..., 0])
    np.savez(folder / "two.npz", x=255 * bits)
    np.savez(folder / "rgb.npz", x=colours)
    np.savez(folder / "bits.npz", x=bits)
    np.savez(folder / "palette.npz", x=bits, palette=np.array([[0, 0, 0], [255, 9, 9]], np.uint8))
    (folder / "folder").mkdir()
    for number, image in enumerate(colours):
        Image.fromarray(image).save(folder / "folder" / f"{number}.png")
    (folder / "lines").write_text("\n".join(f"{number:04d} is the number of this line" for number in range(300)))
    return folder


def outcome(name, arguments, *, data, monkeypatch):
    """Returns what a command says against its data, or an empty string where it accepts them."""

    def accept(*arguments, **options):
        raise AcceptedError

    for module, function in ((start, "check_estimates"), (divergence_table, "open_folder")):
        monkeypatch.setattr(module, function, accept)
    monkeypatch.chdir(data)
    made = load_command(name)
    places = [f"--workdir={data / 'run'}", f"--cache_dir={data / 'cache'}"]
    with pytest.raises((AcceptedError, UsageError)) as ended:
        made.main(made.parse([*SHORT, *COMMANDS[name], *places, *arguments]))
    return "" if ended.type is AcceptedError else str(ended.value)


REMEDY = re.compile(
    r"(?:experiments\.(?P<other>\w+)|give|run it|or)"
    r"(?: (?P<flag>--[^\s,]+(?:,\d+)?)(?: in place of --(?P<replaced>\w+)| (?P<condition>where [^,]*))?)?"
    r"(?: without --(?P<dropped>\w+))?"
)


def remedies_of(message, name, arguments):
    """Yields the commands and arguments that a refusal recommends."""
    for found in REMEDY.finditer(message.partition("this experiment takes ")[2].partition(": ")[2]):
        other, flag, replaced, condition, dropped = found.groups()
        assert condition in (None, OF_VALUES)
        gone = f"--{replaced or dropped}="
        if (other or flag or dropped) and (not condition or "npz:two.npz" in arguments[0]):
            kept = [argument for argument in arguments if not argument.startswith(gone)]
            yield other or name, [*kept, *([flag] if flag else [])]


@pytest.mark.parametrize(("name", "given"), one_in(2, itertools.product(COMMANDS, DATA)))
def test_the_remedy_of_a_refusal_works(data, monkeypatch, name, given):
    dataset, *options = given.split()
    arguments = [f"--dataset={dataset}", *options]
    message = outcome(name, arguments, data=data, monkeypatch=monkeypatch)
    if "and this experiment takes" not in message:
        return
    remedies = list(remedies_of(message, name, arguments))
    assert remedies, message
    for other, others in remedies:
        said = outcome(other, others, data=data, monkeypatch=monkeypatch)
        # Digits are of another size than the network of colours; that is said with its own remedy.
        assert said == "" or (dataset == "mnist10k" and "choose a network of the data's shape" in said), (message, said)


def test_every_pair_of_kinds_is_accepted_or_refused():
    for found in data_kinds.KINDS:
        shape = {"text": (8,), "categorical": (8, 8), "table": (1,)}.get(found, (8, 8, 3))
        meaning = {
            "text": {"vocabulary": ("a", "b")},
            "categorical": {"palette": ((0, 0, 0), (9, 9, 9))},
            "table": {"columns": (Column("a", "category", categories=("x", "y")),)},
        }
        spec = DatasetSpec(name="mine", kind=found, shape=shape, num_values=2, **meaning.get(found, {}))
        for wanted in data_kinds.KINDS:
            if found == wanted:
                data_kinds.check_kind(spec, "npz:mine", kinds=[wanted])
                continue
            with pytest.raises(ValueError, match=r"--dataset=npz:mine is .*, and this experiment takes .*: \w+"):
                data_kinds.check_kind(spec, "npz:mine", kinds=[wanted])


def test_colours_in_arrays_are_sent_to_a_command_that_takes_them(data, monkeypatch):
    message = outcome("binary_images", ["--dataset=npz:rgb.npz"], data=data, monkeypatch=monkeypatch)
    assert "experiments.palette_images --palette=16" in message and "give" not in message
