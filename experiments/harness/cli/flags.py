"""Command-line flags from a typed record, the same way in every experiment.

An experiment declares a class whose fields are made by :func:`flag`, under the decorator :func:`config`. Every field is
a flag: ``--help`` shows it, a wrong name or value is refused in one line with exit code 2, and the record is saved
beside the results. A class takes over the flags of its base classes; the decorator changes their defaults::

    @flags.config(steps=2400, network=flags.override("dcgan32", choices=("dcgan32", "dcgan64")))
    class Config(RunConfig):
        measured_lines: int = flags.flag(640, "Lines whose n-grams are counted.", group="evaluation", minimum=2)
"""

from __future__ import annotations

import dataclasses
import math
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeVar

from absl import flags

from bgan_jax.paths import unusable
from experiments.harness.cli.needs import Need

#: A place that is not of this file system, alone, in a list, or as data of a kind: gs://bucket/a, npz:s3://bucket/b.
REMOTE = re.compile(r"(?:.*,)?(?:\w+:)?[a-z][a-z0-9+.-]*://")

Value = TypeVar("Value")
Class = TypeVar("Class")


def flag(
    default: Value,
    help: str,
    *,
    group: str = "run",
    common: bool = False,
    choices: Sequence[str] | None = None,
    legal: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
    may_change: bool = False,
    adjustable: bool = False,
    needs: Sequence[Need] = (),
    writes: Literal["file", "folder"] | None = None,
    bucket: bool = False,
) -> Value:
    """Makes a field of a config that becomes a flag.

    Args:
      default: the value when the flag is not given.
      help: meaning, with its unit.
      group: the heading that ``--helpfull`` shows it under: one of ``help.GROUPS``, or the experiment's own.
      common: whether ``--help`` shows it.
      choices: legal values.
      legal: legal values in words, where they cannot be listed.
      minimum: smallest legal value.
      maximum: largest legal value.
      may_change: whether a run may be continued with another value: true for what does not change its numbers.
      adjustable: whether ``--resume=changed`` may continue a run with another value from then on.
      needs: conditions on other flags, without all of which this one has no effect.
      writes: what the value names, where the command writes it; see ``outputs.py``.
      bucket: whether the value may name an object of a bucket, such as ``gs://bucket/run``.

    Returns:
      A field of a dataclass; typed as its value, which is what an instance holds.
    """
    metadata = {
        "help": help, "group": group, "common": common, "choices": choices, "legal": legal, "minimum": minimum,
        "maximum": maximum, "may_change": may_change, "adjustable": adjustable, "needs": tuple(needs),
        "writes": writes, "bucket": bucket,
    }  # fmt: skip
    return dataclasses.field(default=default, metadata=metadata)


class Override(NamedTuple):
    """What a config changes of a flag that it takes over; made by :func:`override`."""

    default: Any
    changes: Mapping[str, Any]


# The default of a flag whose default stays, since None is a default that a flag may have.
_KEPT = object()


def override(
    default: Any = _KEPT,
    *,
    choices: Sequence[str] | None = None,
    legal: str | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    common: bool | None = None,
    may_change: bool | None = None,
    needs: Sequence[Need] | None = None,
) -> Override:
    """Changes a flag of a base class; what is not given stays as it is.

    Args:
      default: the value when the flag is not given.
      choices: legal values, some of the flag's own.
      legal: legal values in words.
      minimum: smallest legal value.
      maximum: largest legal value.
      common: as in :func:`flag`.
      may_change: as in :func:`flag`.
      needs: as in :func:`flag`.
    """
    changes = {
        "choices": choices, "legal": legal, "minimum": minimum, "maximum": maximum, "common": common,
        "may_change": may_change, "needs": needs,
    }  # fmt: skip
    return Override(default, {name: value for name, value in changes.items() if value is not None})


@typing.dataclass_transform(frozen_default=True)
def config(**defaults: Any) -> Callable[[type[Class]], type[Class]]:
    """Makes a class of flags: a frozen dataclass that takes over the flags of its base classes.

    Args:
      **defaults: for flags of base classes, other defaults, or an :func:`override`.

    Returns:
      The decorator.

    Raises:
      TypeError: when the class is made: a default for a flag that no base class has, a flag that a base class has
        already, or a need of a flag that is not there.
      ValueError: when the class is made: a default that is not legal.

    Example:
      >>> @config()
      ... class Base:
      ...     steps: int = flag(10, "Training steps.", minimum=1)
      >>> @config(steps=20)
      ... class Config(Base):
      ...     rate: float = flag(0.5, "Step size.")
      >>> Config()
      Config(steps=20, rate=0.5)
    """

    def make(cls: type[Class]) -> type[Class]:
        inherited = _inherited(cls)
        for name in cls.__annotations__:
            if name in inherited:
                raise TypeError(f"{cls.__qualname__} declares --{name} again; give {name}=... to the decorator")
        for name, value in defaults.items():
            if name not in inherited:
                raise TypeError(f"{cls.__qualname__}: no base class has a flag --{name} whose default could change")
            field, hint = inherited[name]
            changed = value if isinstance(value, Override) else override(value)
            choices = changed.changes.get("choices")
            if choices and field.metadata["choices"] and not set(choices) <= set(field.metadata["choices"]):
                raise ValueError(f"{cls.__qualname__}: the choices of --{name} go beyond those of the base class")
            cls.__annotations__[name] = hint
            metadata = {**field.metadata, **changed.changes}
            default = field.default if changed.default is _KEPT else changed.default
            setattr(cls, name, dataclasses.field(default=default, metadata=metadata))
        made = dataclasses.dataclass(frozen=True)(cls)
        _check(made)
        return made

    return make


def _inherited(cls: type) -> dict[str, tuple[dataclasses.Field[Any], Any]]:
    found: dict[str, tuple[dataclasses.Field[Any], Any]] = {}
    for base in reversed(cls.__mro__[1:]):
        if dataclasses.is_dataclass(base):
            hints = typing.get_type_hints(base)
            found |= {field.name: (field, hints[field.name]) for field in dataclasses.fields(base)}
    return found


def _check(config_class: Any) -> None:
    hints = typing.get_type_hints(config_class)
    names = {field.name for field in dataclasses.fields(config_class)}
    for field in dataclasses.fields(config_class):
        where = f"{config_class.__qualname__}: --{field.name}={field.default!r}"
        legal, value = field.metadata, field.default
        if not isinstance(value, hints[field.name]) and not (type(value) is int and hints[field.name] is float):
            raise ValueError(f"{where} is not of the type {hints[field.name]}")
        if value is not None and legal["choices"] is not None and value not in legal["choices"]:
            raise ValueError(f"{where} is not one of {', '.join(legal['choices'])}")
        if value is not None and legal["minimum"] is not None and value < legal["minimum"]:
            raise ValueError(f"{where} is less than {legal['minimum']}")
        if value is not None and legal["maximum"] is not None and value > legal["maximum"]:
            raise ValueError(f"{where} is more than {legal['maximum']}")
        for need in legal["needs"]:
            if not set(need.flags) <= names:
                raise TypeError(f"{where} needs {need.words}, and there is no such flag")


def changeable(config_class: type) -> frozenset[str]:
    """Returns the names of the flags that may differ when a run is resumed."""
    return frozenset(field.name for field in dataclasses.fields(config_class) if field.metadata.get("may_change"))


def adjustable(config_class: type) -> frozenset[str]:
    """Returns the names of the flags that ``--resume=changed`` may change; none where there is no such flag."""
    fields = dataclasses.fields(config_class)
    if not any(field.name == "resume" for field in fields):
        return frozenset()
    return frozenset(field.name for field in fields if field.metadata.get("adjustable"))


def unmet_need(config: Any, name: str) -> Need | None:
    """Returns the first condition that a flag needs to have an effect and that a config does not meet, or ``None``.

    Args:
      config: a record of flags.
      name: of the flag.
    """
    field = next(field for field in dataclasses.fields(config) if field.name == name)
    return next((need for need in field.metadata["needs"] if not need.is_met(config)), None)


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


def parse(
    config_class: type,
    arguments: Sequence[str],
    *,
    smoke: Mapping[str, Any] | None = None,
    presets: Mapping[str, Mapping[str, Any]] | None = None,
    positional: str | None = None,
) -> Any:
    """Parses command-line arguments to a config.

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
      absl.flags.Error: an unknown flag, a value that is not legal, or a flag that has no effect with the others.
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
    for field in dataclasses.fields(config_class):
        if reason := _wrong_place(field, given[field.name]):
            raise flags.Error(f"flag --{field.name}={given[field.name]}: {reason}")
    overrides: dict[str, Any] = {}
    if presets and given.get("preset"):
        overrides.update(presets[given["preset"]])
    if smoke and given.get("smoke"):
        overrides.update(smoke)
    given.update({name: value for name, value in overrides.items() if not values[name].present})
    made = config_class(**given)
    for name, value in given.items():
        # An empty value switches a flag off, which never needs anything.
        need = unmet_need(made, name) if values[name].present and value != "" else None
        if need is not None:
            state = " and ".join(f"--{other} is {_shown(given[other])}" for other in need.flags)
            raise flags.Error(f"flag --{name}={value} acts only with {need.words}; {state}")
    return made


def _wrong_place(field: dataclasses.Field[Any], value: Any) -> str:
    """Returns why files cannot lie at the place that a value names; empty where they can."""
    if not isinstance(value, str) or not REMOTE.match(value):
        return ""
    if field.metadata["bucket"]:
        return next(filter(None, (unusable(place) for place in value.split(","))), "")
    return (
        "not a local path, and what this flag names is read and mapped in place; mount the bucket (gcsfuse BUCKET "
        "FOLDER), or copy the folder (gcloud storage rsync -r gs://BUCKET/FOLDER FOLDER)"
    )


def _shown(value: Any) -> str:
    return "empty" if value in (None, "") else str(value)
