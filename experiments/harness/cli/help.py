"""The help of a command: ``--help`` shows the flags that most runs need, ``--helpfull`` all of them, under headings."""

from __future__ import annotations

import dataclasses
import textwrap
from typing import Any

GROUPS = ("run", "data", "networks", "discriminator", "generator", "devices", "records")
# The experiment's own headings stand before these.
LAST_GROUPS = ("devices", "records")
# A command with no more flags than this shows all of them on ``--help``.
FEW = 12
WIDTH, NAME_WIDTH = 110, 30


def help_text(config_class: type, *, description: str, full: bool = True) -> str:
    """Formats the help: the experiment's docstring, then its flags with their meaning and their legal values.

    Args:
      config_class: the record of flags.
      description: the docstring.
      full: whether all flags are shown (``--helpfull``), or the common ones (``--help``).

    Returns:
      Text to print.
    """
    shown = shown_fields(config_class, full=full)
    number = len(dataclasses.fields(config_class))
    lines = [description.strip(), ""]
    for group in groups_of(config_class):
        of_group = [
            line for field in shown if field.metadata["group"] == group for line in flag_lines(field, full=full)
        ]
        lines += [f"{group.capitalize()}:", *of_group] if of_group else []
    if len(shown) < number:
        lines += ["", f"--helpfull lists all {number} flags."]
    return "\n".join(lines)


def shown_fields(config_class: type, *, full: bool) -> list[dataclasses.Field[Any]]:
    """Returns the flags that ``--helpfull`` or ``--help`` shows, the common ones first."""
    fields = sorted(dataclasses.fields(config_class), key=lambda field: not field.metadata["common"])
    return fields if full or len(fields) <= FEW else [field for field in fields if field.metadata["common"]]


def groups_of(config_class: type) -> list[str]:
    """Returns the headings of a command's flags, in the order in which they are shown."""
    present = dict.fromkeys(field.metadata["group"] for field in dataclasses.fields(config_class))
    own = [group for group in present if group not in GROUPS]
    first = [group for group in GROUPS if group not in LAST_GROUPS]
    return [group for group in (*first, *own, *LAST_GROUPS) if group in present]


def flag_lines(field: dataclasses.Field[Any], *, full: bool = True) -> list[str]:
    """Formats one flag: its name and default, its meaning, its legal values, and in the full help what it needs."""
    name = f"  --{field.name}={'' if field.default is None else field.default}"
    words = " ".join([field.metadata["help"], *legal_values(field), *(needed(field) if full else [])])
    beside = textwrap.wrap(words, WIDTH - NAME_WIDTH - 2, break_long_words=False, break_on_hyphens=False)
    if len(name) > NAME_WIDTH:
        return [name, *(f"{'':{NAME_WIDTH}}  {line}" for line in beside)]
    return [f"{name if place == 0 else '':{NAME_WIDTH}}  {line}" for place, line in enumerate(beside)]


def legal_values(field: dataclasses.Field[Any]) -> list[str]:
    """Describes the legal values of a flag, in at most one sentence."""
    minimum, maximum = field.metadata["minimum"], field.metadata["maximum"]
    if field.metadata["choices"] is not None:
        return [f"One of: {', '.join(field.metadata['choices'])}."]
    if field.metadata["legal"]:
        return [f"Legal: {field.metadata['legal']}."]
    if minimum is not None and maximum is not None:
        return [f"From {minimum} to {maximum}."]
    return [] if minimum is None else [f"At least {minimum}."]


def needed(field: dataclasses.Field[Any]) -> list[str]:
    """Describes the other flags that a flag needs to have an effect, in at most one sentence."""
    needs = field.metadata["needs"]
    return [f"Only with {', and '.join(need.words for need in needs)}."] if needs else []
