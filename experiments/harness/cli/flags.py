"""Command-line flags from a typed record, the same way in every experiment.

An experiment declares a frozen dataclass whose fields are made by :func:`flag`. Every field is a flag: ``--help`` lists
it with its meaning and what is legal, a wrong name or value is refused in one line with exit code 2, and the record is
saved beside the results.
"""

from __future__ import annotations

import dataclasses
import math
import textwrap
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from absl import flags


def flag(
    default: Any,
    help: str,
    *,
    choices: Sequence[str] | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    may_change: bool = False,
) -> Any:
    """A field of a config that becomes a flag.

    Args:
      default: the value when the flag is not given.
      help: meaning, with its unit.
      choices: legal values.
      minimum: smallest legal value.
      maximum: largest legal value.
      may_change: whether a run may be continued with another value: true for what does not change its numbers.
    """
    metadata = {"help": help, "choices": choices, "minimum": minimum, "maximum": maximum, "may_change": may_change}
    return dataclasses.field(default=default, metadata=metadata)


def changeable(config_class: type) -> frozenset[str]:
    """Names of the flags that may differ when a run is continued."""
    return frozenset(field.name for field in dataclasses.fields(config_class) if field.metadata.get("may_change"))


def _define(values: flags.FlagValues, config_class: type) -> None:
    hints = typing.get_type_hints(config_class)
    for field in dataclasses.fields(config_class):
        kind = hints[field.name]
        if typing.get_origin(kind) in (types.UnionType, typing.Union):
            kind = next(option for option in typing.get_args(kind) if option is not type(None))
        name, help_text = field.name, field.metadata["help"]
        default: Any = field.default
        bounds = {"lower_bound": field.metadata["minimum"], "upper_bound": field.metadata["maximum"]}
        common: dict[str, Any] = {"flag_values": values}
        if field.metadata["choices"] is not None:
            flags.DEFINE_enum(name, default, list(field.metadata["choices"]), help_text, **common)
        elif kind is bool:
            flags.DEFINE_bool(name, default, help_text, **common)
        elif kind is int:
            flags.DEFINE_integer(name, default, help_text, **bounds, **common)
        elif kind is float:
            flags.DEFINE_float(name, default, help_text, **bounds, **common)
        else:
            flags.DEFINE_string(name, default, help_text, **common)


def help_text(config_class: type, *, description: str) -> str:
    """What ``--help`` prints: the experiment's own words, then every flag with its meaning and legal values."""
    lines = [description.strip(), "", "Flags:"]
    for field in dataclasses.fields(config_class):
        legal = ""
        if field.metadata["choices"] is not None:
            legal = f" One of: {', '.join(field.metadata['choices'])}."
        elif field.metadata["minimum"] is not None and field.metadata["maximum"] is not None:
            legal = f" From {field.metadata['minimum']} to {field.metadata['maximum']}."
        elif field.metadata["minimum"] is not None:
            legal = f" At least {field.metadata['minimum']}."
        lines.append(f"  --{field.name}={'' if field.default is None else field.default}")
        lines += textwrap.wrap(field.metadata["help"] + legal, 100, initial_indent="      ", subsequent_indent="      ")
    return "\n".join(lines)


def parse(
    config_class: type,
    arguments: Sequence[str],
    *,
    smoke: Mapping[str, Any] | None = None,
    presets: Mapping[str, Mapping[str, Any]] | None = None,
    positional: str | None = None,
) -> Any:
    """A config from command-line arguments.

    Values come, in rising order, from the defaults, from ``--preset``, from ``--smoke``, from the flags themselves.

    Args:
      config_class: the dataclass.
      arguments: without the program's name.
      smoke: what ``--smoke`` changes.
      presets: what each value of ``--preset`` changes.
      positional: the flag that arguments without dashes belong to, joined by commas; ``None`` refuses them.

    Returns:
      An instance of ``config_class``.

    Raises:
      absl.flags.Error: an unknown flag, or a value that is not legal.
    """
    if positional:
        words = [argument for argument in arguments if not argument.startswith("-")]
        arguments = [argument for argument in arguments if argument.startswith("-")]
        arguments += [f"--{positional}={','.join(words)}"] if words else []
    values = flags.FlagValues()
    _define(values, config_class)
    rest = values(["experiment", *arguments])[1:]
    if rest:
        raise flags.Error(f"unexpected argument {rest[0]!r}; flags are written --name=value")
    given = {field.name: getattr(values, field.name) for field in dataclasses.fields(config_class)}
    for name, value in given.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise flags.Error(f"flag --{name}={value}: not a finite number")
    overrides: dict[str, Any] = {}
    if presets and given.get("preset"):
        overrides.update(presets[given["preset"]])
    if smoke and given.get("smoke"):
        overrides.update(smoke)
    given.update({name: value for name, value in overrides.items() if not values[name].present})
    return config_class(**given)
