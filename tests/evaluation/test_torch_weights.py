"""Weights files of PyTorch are read without unpickling, and pickles of other objects are rejected."""

import struct
import zipfile

import numpy as np
import pytest

from bgan_jax.evaluation.efficientnet import weights_file
from bgan_jax.evaluation.torch_weights import read_torch_weights

TENSOR = b"ctorch._utils\n_rebuild_tensor_v2\n"


def text(words: str) -> bytes:
    return b"X" + struct.pack("<I", len(words)) + words.encode()


def number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def numbers(values) -> bytes:
    return b"(" + b"".join(map(number, values)) + b"t"


def tensor(key: str, *, shape, strides, offset=0, kind="FloatStorage", count=6) -> bytes:
    storage = text("storage") + b"ctorch\n" + kind.encode() + b"\n" + text(key) + text("cpu") + number(count)
    hooks = b"ccollections\nOrderedDict\n)R"
    described = b"(" + storage + b"tQ" + number(offset) + numbers(shape) + numbers(strides) + b"\x89" + hooks
    return TENSOR + b"(" + described + b"tR"


def archive(path, body: bytes, **storages: np.ndarray):
    """Writes a file like torch.save: a zip archive of a pickle and of every storage's numbers."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("weights/data.pkl", b"\x80\x02" + body + b".")
        for key, values in storages.items():
            file.writestr(f"weights/data/{key.removeprefix('s')}", values.tobytes())
    return path


def dictionary(**values: bytes) -> bytes:
    return b"ccollections\nOrderedDict\n)R(" + b"".join(text(name) + value for name, value in values.items()) + b"u"


VALUES = np.arange(6, dtype=np.float32)


def test_tensors_of_an_archive_are_what_was_saved(tmp_path):
    body = dictionary(
        plain=tensor("0", shape=(2, 3), strides=(3, 1)),
        transposed=tensor("0", shape=(3, 2), strides=(1, 3)),
        later=tensor("0", shape=(2,), strides=(1,), offset=4),
        scalar=tensor("1", shape=(), strides=(), kind="LongStorage", count=1),
        nested=b"}" + text("inner") + tensor("0", shape=(6,), strides=(1,)) + b"s",
        epoch=number(3),
    )
    arrays = read_torch_weights(archive(tmp_path / "a.pth", body, s0=VALUES, s1=np.array([7])))
    assert set(arrays) == {"plain", "transposed", "later", "scalar", "nested.inner"}
    np.testing.assert_array_equal(arrays["plain"], VALUES.reshape(2, 3))
    np.testing.assert_array_equal(arrays["transposed"], VALUES.reshape(2, 3).T)
    np.testing.assert_array_equal(arrays["later"], [4, 5])
    assert arrays["scalar"] == 7 and arrays["scalar"].dtype == np.int64


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"cos\nsystem\n(" + text("true") + b"tR", "refers to 'os system', and only tensors are read"),
        (b"cbuiltins\neval\n(" + text("1") + b"tR", "refers to 'builtins eval'"),
        (dictionary(a=tensor("0", shape=(7,), strides=(1,))), "impossible shape"),
        (dictionary(a=tensor("0", shape=(2,), strides=(6,))), "is larger than its storage of 6 numbers"),
        (dictionary(a=tensor("0", shape=(3,), strides=(-1,), offset=2)), "impossible shape"),
        (dictionary(a=tensor("0", shape=(1 << 30,), strides=(0,))), "impossible shape"),
        (dictionary(a=tensor("2", shape=(1,), strides=(1,))), "'2'"),
        (b"]", "does not contain a dictionary of tensors"),
        (b"(", "is not a readable file"),
        (b"\x93", "instruction STACK_GLOBAL"),
    ],
)  # fmt: skip
def test_everything_else_is_refused(tmp_path, body, words):
    with pytest.raises(ValueError, match=words):
        read_torch_weights(archive(tmp_path / "a.pth", body, s0=VALUES))


@pytest.mark.parametrize("content", [b"", b"\x80\x02K\x01.", b"PK\x03\x04", b"no pickle at all", bytes(100)])
def test_other_files_are_refused_by_name(tmp_path, content):
    path = tmp_path / "other.pth"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"other\.pth is not a readable file of PyTorch weights"):
        read_torch_weights(path)


def test_the_older_format_is_read_and_its_truncated_copy_is_not(tmp_path):
    try:
        content = weights_file().read_bytes()
    except FileNotFoundError:
        pytest.skip("the weights' package is not installed")
    whole = tmp_path / "package.pth"
    whole.write_bytes(content)
    arrays = read_torch_weights(whole)
    assert arrays["_conv_stem.weight"].shape == (32, 3, 3, 3)
    assert sum(array.size for name, array in arrays.items() if name.startswith("_blocks")) > 2_000_000
    assert all(np.isfinite(array).all() for array in arrays.values())
    whole.write_bytes(content[:-100_000])
    with pytest.raises(ValueError, match="is not a readable file of PyTorch weights"):
        read_torch_weights(whole)
