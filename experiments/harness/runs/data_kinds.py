"""Refuses data of a kind that a command does not take, and says what helps: flags, or another command."""

from __future__ import annotations

from collections.abc import Sequence

from bgan_jax.data import DatasetSpec
from bgan_jax.data.catalogue import CATALOGUE

DISCRETE = ("binary", "categorical", "text", "table")
#: By kind of data: what it is called, and the command that takes it.
KINDS = {
    "binary": ("images of two colours", "experiments.binary_images"),
    "categorical": ("images in a palette", "experiments.palette_images"),
    "continuous": ("grey or colour images", "experiments.continuous_images"),
    "text": ("text", "experiments.text_characters"),
    "table": ("a table", "experiments.table"),
}
#: Data of kinds that no flag makes of other data.
EXAMPLES = {"text": "austen32 or text:FILE", "table": "commute or csv:FILE"}


def check_kind(spec: DatasetSpec, name: str, *, kinds: Sequence[str]) -> None:
    """Refuses data of other kinds than some.

    Args:
      spec: the data set.
      name: as ``--dataset`` gives it.
      kinds: of :data:`KINDS`, those that the command takes.

    Raises:
      ValueError: the data are of another kind; says which flags change it, or which command takes the data.
    """
    if spec.kind in kinds:
        return
    own = [flags for kind in kinds for flags in flags_for(kind, spec, name)]
    if own:
        remedy = f"{'give' if own[0].startswith('--') else 'run it'} {', or '.join(own)}"
    else:
        others = [
            f"{command} {found[0]}" for kind, (_, command) in KINDS.items() if (found := flags_for(kind, spec, name))
        ]
        examples = "".join(f", such as {EXAMPLES[kind]}" for kind in kinds if kind in EXAMPLES)
        commands = ", or ".join([KINDS[spec.kind][1], *others])
        remedy = f"choose other data{examples}; these can be trained on by {commands}"
    wanted = " or ".join(KINDS[kind][0] for kind in kinds)
    raise ValueError(f"--dataset={name} is {KINDS[spec.kind][0]}, and this experiment takes {wanted}: {remedy}")


def flags_for(kind: str, spec: DatasetSpec, name: str) -> list[str]:
    """Lists changes of flags, each of which makes data of a kind out of a data set of another; empty where none does.

    Example:
      >>> spec = DatasetSpec(name="mine", kind="continuous", shape=(8, 8, 3), num_values=256)
      >>> flags_for("binary", spec, "images:mine"), flags_for("binary", spec, "npz:mine")
      (['--binarization=threshold'], [])
    """
    family = name.partition(":")[0]
    options, grey = CATALOGUE[family].options, spec.shape[-1] == 1
    # Arrays are not converted between grey and RGB, and a palette of their own stays.
    fixed = family == "npz" and spec.kind == "categorical"
    if spec.kind == kind or kind in EXAMPLES or spec.kind in EXAMPLES or fixed:
        return []
    if kind == "binary" and "binarization" in options and (grey or family != "npz"):
        if spec.kind == "categorical":
            return ["--binarization=threshold in place of --palette"]
        black_and_white = ["--value_range=0,255 where the images are black and white alone"]
        return ["--binarization=threshold", *(black_and_white if "value_range" in options else [])]
    if kind == "categorical" and "palette" in options and not (grey and family == "npz"):
        return ["--palette=16" if spec.kind == "continuous" else "--palette=16 in place of --binarization"]
    if kind == "continuous" and spec.kind == "categorical" and "palette" in options:
        return ["without --palette"]
    if kind == "continuous" and spec.kind == "binary" and "binarization" in options:
        return ["--binarization=none"]
    return []
