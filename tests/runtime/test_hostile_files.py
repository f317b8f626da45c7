"""Files from elsewhere, or left by a crash: any bytes are read, or refused with the name of the file."""

import shutil

import jax
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bgan_jax.data import BadDataError, open_dataset
from bgan_jax.runtime import workdir
from bgan_jax.runtime.checkpoints import Checkpoints
from bgan_jax.runtime.metrics import open_metrics, read_metrics

SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@SETTINGS
@given(content=st.binary() | st.text().map(str.encode) | JSON.map(lambda value: repr(value).encode()))
def test_any_config_is_read_or_named(tmp_path, content):
    (tmp_path / workdir.CONFIG).write_bytes(content)
    try:
        assert isinstance(workdir.read_config(tmp_path), dict)
    except ValueError as error:
        assert workdir.CONFIG in str(error)


@SETTINGS
@given(config=st.dictionaries(st.text(min_size=1), JSON, min_size=1), chosen=st.randoms(use_true_random=False))
def test_the_same_config_continues_and_any_other_is_refused(tmp_path, config, chosen):
    folder = tmp_path / "run"
    shutil.rmtree(folder, ignore_errors=True)
    workdir.open_workdir(str(folder), config)
    workdir.open_workdir(str(folder), config, resume="must")
    name = chosen.choice(sorted(config))
    changed = {**config, name: [config[name]]}
    with pytest.raises(ValueError, match="other flags"):
        workdir.open_workdir(str(folder), changed)
    workdir.open_workdir(str(folder), changed, may_change=frozenset({name}))
    assert workdir.read_config(folder) == changed


@SETTINGS
@given(
    content=st.lists(st.binary(max_size=40) | JSON.map(lambda v: str(v).encode()), max_size=6), start=st.integers(0, 9)
)
def test_metrics_are_read_around_anything(tmp_path, content, start):
    good = b'{"step": 3, "bound": 0.5}'
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b"\n".join([*content, good, *content]))
    assert any(record == {"step": 3, "bound": 0.5} for record in read_metrics(path))
    lines = open_metrics(path, start_step=start)
    lines.write('{"step": 100}')
    lines.close()
    steps = [record["step"] for record in read_metrics(path)]
    assert steps[-1] == 100 and all(step <= start for step in steps[:-1])


TREE = {"a": np.arange(3000, dtype=np.float32), "b": {"c": np.arange(4, dtype=np.uint32)}}


@pytest.fixture(scope="module")
def two_checkpoints(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good") / "checkpoints"
    checkpoints = Checkpoints(folder)
    for step in (1, 2):
        checkpoints.save(step, jax.tree.map(lambda leaf: leaf + leaf.dtype.type(step), TREE))  # noqa: B023
    checkpoints.close()
    return folder


@settings(SETTINGS, max_examples=30)
@given(data=st.data())
def test_a_checkpoint_is_right_or_skipped(tmp_path, two_checkpoints, data):
    """Whatever happens to a file of the newest one: its own values are restored, or those of the one before."""
    folder = tmp_path / "checkpoints"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(two_checkpoints, folder)
    files = sorted(path for path in (folder / "2").rglob("*") if path.is_file() and path.stat().st_size)
    path = data.draw(st.sampled_from(files))
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    kind = data.draw(st.sampled_from(["flip", "cut", "insert"]))
    if kind == "flip":
        content[at] ^= data.draw(st.integers(1, 255))
    elif kind == "cut":
        del content[at:]
    else:
        content[at:at] = data.draw(st.binary(min_size=1, max_size=20))
    path.write_bytes(content)
    checkpoints = Checkpoints(folder, read_only=True)
    restored = checkpoints.restore(TREE)
    checkpoints.close()
    assert restored.step in (1, 2)
    for leaf, original in zip(jax.tree.leaves(restored.tree), jax.tree.leaves(TREE), strict=True):
        np.testing.assert_array_equal(leaf, original + original.dtype.type(restored.step))


@SETTINGS
@given(data=st.data())
def test_an_npz_file_is_read_or_named(tmp_path, data):
    path = tmp_path / "digits.npz"
    np.savez_compressed(path, images=np.eye(8, dtype=np.uint8)[None].repeat(4, 0))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        assert open_dataset(f"npz:{path}", cache_dir=str(tmp_path / "cache")).spec.shape
    except (BadDataError, ValueError) as error:
        assert "digits.npz" in str(error) or "examples" in str(error)
