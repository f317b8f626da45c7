r"""Reads the arrays of a PyTorch weights file, without PyTorch and without unpickling.

Such a file contains a pickle, and a pickle can call any function by name. Here its instructions are executed by a
restricted interpreter that builds dictionaries, tuples, numbers and text, and accepts only the names of a tensor, a
parameter and a dictionary. A file with anything else is rejected.
"""

from __future__ import annotations

import io
import math
import pickletools
import zipfile
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

_MAGIC = 0x1950A86A20F9469CFC6C
_DTYPES = {
    "DoubleStorage": "<f8", "FloatStorage": "<f4", "HalfStorage": "<f2", "LongStorage": "<i8", "IntStorage": "<i4",
    "ShortStorage": "<i2", "CharStorage": "i1", "ByteStorage": "u1", "BoolStorage": "?",
}  # fmt: skip
_DICTIONARY = "collections OrderedDict"
_TENSOR = "torch._utils _rebuild_tensor_v2"
_PARAMETER = "torch._utils _rebuild_parameter"
_ALLOWED = {_DICTIONARY, _TENSOR, _PARAMETER, *(f"torch {name}" for name in _DTYPES)}


class _Name(str):
    """A global that the pickle refers to by module and name; it is never looked up."""


class _Mark:
    """A mark on the stack, at which the items of a tuple, dictionary or list begin."""


class _Tensor(NamedTuple):
    key: str
    dtype: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_torch_weights(path: str | Path) -> dict[str, np.ndarray]:
    """Reads the tensors of a state dictionary saved by ``torch.save``, in either of its two formats.

    Args:
      path: the file.

    Returns:
      Arrays by name; those of nested dictionaries by names joined with dots.

    Raises:
      FileNotFoundError: the file does not exist.
      ValueError: the file is not a file of PyTorch weights, or it contains other objects than tensors.
    """
    path = Path(path)
    with path.open("rb") as file:
        try:
            if zipfile.is_zipfile(file):
                described, storages = _zipped(file)
            else:
                file.seek(0)
                described, storages = _legacy(file)
            return _arrays(described, storages)
        except (_RefusedError, KeyError, IndexError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(f"{path} is not a readable file of PyTorch weights: {error}") from error


class _RefusedError(ValueError):
    pass


def _zipped(file: IO[bytes]) -> tuple[Any, dict[str, bytes]]:
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        pickles = [name for name in names if name.endswith("data.pkl")]
        if len(pickles) != 1:
            raise _RefusedError(f"the archive must contain one file data.pkl, found {len(pickles)}")
        folder = pickles[0].removesuffix("data.pkl") + "data/"
        storages = {name.removeprefix(folder): archive.read(name) for name in names if name.startswith(folder)}
        return _followed(io.BytesIO(archive.read(pickles[0]))), storages


def _legacy(file: IO[bytes]) -> tuple[Any, dict[str, bytes]]:
    if _followed(file) != _MAGIC:
        raise _RefusedError("it does not begin with PyTorch's magic number")
    _followed(file)  # the protocol's version
    _followed(file)  # sizes of the writer's numbers
    described = _followed(file)
    sizes = {tensor.key: np.dtype(tensor.dtype).itemsize for tensor in _flat(described).values()}
    storages = {}
    for key in _followed(file):
        count = int.from_bytes(file.read(8), "little")
        storages[key] = file.read(count * sizes[key])
    return described, storages


def _followed(file: IO[bytes]) -> Any:
    """Executes one pickle and returns its object, made of plain values, names and descriptions of tensors."""
    stack: list[Any] = []
    memo: dict[Any, Any] = {}

    def above_mark() -> list[Any]:
        place = max(index for index, value in enumerate(stack) if isinstance(value, _Mark))
        values = stack[place + 1 :]
        del stack[place:]
        return values

    try:
        for opcode, argument, _ in pickletools.genops(file):
            match opcode.name:
                case "PROTO" | "FRAME":
                    pass
                case "STOP":
                    return stack.pop()
                case "MARK":
                    stack.append(_Mark())
                case "NONE" | "NEWTRUE" | "NEWFALSE":
                    stack.append({"NONE": None, "NEWTRUE": True, "NEWFALSE": False}[opcode.name])
                case "BININT" | "BININT1" | "BININT2" | "LONG1" | "BINFLOAT" | "BINUNICODE" | "SHORT_BINUNICODE":
                    stack.append(argument)
                case "EMPTY_DICT" | "EMPTY_LIST" | "EMPTY_TUPLE":
                    stack.append({"EMPTY_DICT": {}, "EMPTY_LIST": [], "EMPTY_TUPLE": ()}[opcode.name])
                case "TUPLE":
                    stack.append(tuple(above_mark()))
                case "TUPLE1" | "TUPLE2" | "TUPLE3":
                    size = int(opcode.name[-1])
                    stack[-size:] = [tuple(stack[-size:])]
                case "APPEND":
                    value = stack.pop()
                    stack[-1].append(value)
                case "APPENDS":
                    values = above_mark()
                    stack[-1].extend(values)
                case "SETITEM":
                    value, key = stack.pop(), stack.pop()
                    stack[-1][key] = value
                case "SETITEMS":
                    items = above_mark()
                    stack[-1].update(zip(items[::2], items[1::2], strict=True))
                case "BINPUT" | "LONG_BINPUT" | "MEMOIZE":
                    memo[len(memo) if argument is None else argument] = stack[-1]
                case "BINGET" | "LONG_BINGET":
                    stack.append(memo[argument])
                case "GLOBAL":
                    if argument not in _ALLOWED:
                        raise _RefusedError(f"it refers to {argument!r}, and only tensors are read")
                    stack.append(_Name(argument))
                case "BINPERSID":
                    _, kind, key, *_ = stack.pop()
                    stack.append((str(key), _DTYPES[kind.split()[-1]]))
                case "REDUCE":
                    arguments, name = stack.pop(), stack.pop()
                    stack.append(_made(name, arguments))
                case "BUILD":  # attributes of a dictionary, such as versions of modules
                    stack.pop()
                case other:
                    raise _RefusedError(f"its pickle contains the instruction {other}")
    except _RefusedError:
        raise
    except ValueError as error:  # raised by genops: truncated, or not a pickle
        raise _RefusedError(str(error)) from error
    raise _RefusedError("its pickle is truncated")


def _made(name: Any, arguments: tuple[Any, ...]) -> Any:
    if name == _DICTIONARY and not arguments:
        return {}
    if name == _PARAMETER:
        return arguments[0]
    if name != _TENSOR:
        raise _RefusedError(f"it calls {name!r}, and only tensors are read")
    (key, dtype), offset, shape, strides, *_ = arguments
    return _Tensor(key, dtype, offset, shape, strides)


def _flat(described: Any, *, prefix: str = "") -> dict[str, _Tensor]:
    found: dict[str, _Tensor] = {}
    for name, value in described.items():
        if isinstance(value, _Tensor):
            found[f"{prefix}{name}"] = value
        elif isinstance(value, dict):
            found |= _flat(value, prefix=f"{prefix}{name}.")
    return found


def _arrays(described: Any, storages: dict[str, bytes]) -> dict[str, np.ndarray]:
    if not isinstance(described, dict):
        raise _RefusedError("it does not contain a dictionary of tensors")
    arrays = {}
    for name, tensor in _flat(described).items():
        flat = np.frombuffer(storages[tensor.key], tensor.dtype)
        reach = tensor.offset + sum((n - 1) * stride for n, stride in zip(tensor.shape, tensor.strides, strict=True))
        # A view into a buffer: each of these shapes would read past its end, or need more memory than the file has.
        if min(tensor.offset, *tensor.shape, *tensor.strides, 0) < 0 or math.prod(tensor.shape) > flat.size:
            raise _RefusedError(f"{name} has an impossible shape")
        if 0 not in tensor.shape and reach >= flat.size:
            raise _RefusedError(f"{name} is larger than its storage of {flat.size} numbers")
        strides = tuple(stride * flat.itemsize for stride in tensor.strides)
        view = np.lib.stride_tricks.as_strided(flat[tensor.offset :], tensor.shape, strides, writeable=False)
        arrays[name] = view.copy()
    return arrays
