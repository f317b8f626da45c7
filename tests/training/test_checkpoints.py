import shutil
from pathlib import Path

import jax
import numpy as np
import pytest

from bgan_jax.training import parallel
from bgan_jax.training.checkpoints import Checkpoints, checksum
from bgan_jax.training.state import init_state
from tests.toy_game import toy_game


@pytest.fixture
def state():
    game = toy_game(num_samples=4)
    made = init_state(jax.random.key(3), networks=game.networks, optimizers=game.optimizers)
    return parallel.to_host(made)


def saved(folder, state, steps=(1, 2)):
    checkpoints = Checkpoints(folder, keep=3)
    for step in steps:
        checkpoints.save(step, state.replace(step=np.int32(step)))
    checkpoints.close()


def restore(folder, state):
    checkpoints = Checkpoints(folder, read_only=True)
    try:
        return checkpoints.restore(state)
    finally:
        checkpoints.close()


def largest_file(folder: Path) -> Path:
    return max((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)


def test_what_is_saved_comes_back(tmp_path, state):
    saved(tmp_path / "c", state)
    restored = restore(tmp_path / "c", state)
    assert restored.step == 2
    jax.tree.map(np.testing.assert_array_equal, restored.tree, state.replace(step=np.int32(2)))
    assert jax.tree.structure(restored.tree) == jax.tree.structure(state)


def test_only_the_newest_are_kept(tmp_path, state):
    saved(tmp_path / "c", state, steps=(1, 2, 3, 4, 5))
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == ["3", "4", "5"]


def test_nothing_there(tmp_path, state):
    checkpoints = Checkpoints(tmp_path / "c")
    assert checkpoints.restore(state) is None
    checkpoints.close()


def flip_a_byte(folder):
    path = largest_file(folder / "state" / "d") if (folder / "state" / "d").exists() else largest_file(folder / "state")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)


def truncate(folder):
    path = largest_file(folder / "state")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def delete_a_file(folder):
    largest_file(folder / "state").unlink()


def delete_the_check(folder):
    shutil.rmtree(folder / "check")


def change_the_check(folder):
    path = folder / "check" / "metadata"
    path.write_text(path.read_text().replace('"crc32": ', '"crc32": 1'))


@pytest.mark.parametrize("damage", [flip_a_byte, truncate, delete_a_file, delete_the_check, change_the_check])
def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(tmp_path, state, caplog, damage):
    saved(tmp_path / "c", state)
    damage(tmp_path / "c" / "2")
    with caplog.at_level("WARNING", logger="bgan_jax"):
        restored = restore(tmp_path / "c", state)
    assert restored.step == 1
    jax.tree.map(np.testing.assert_array_equal, restored.tree, state.replace(step=np.int32(1)))
    assert str(tmp_path / "c" / "2") in caplog.text


def test_the_checksum_sees_every_change(state):
    base = checksum(state)
    leaves, treedef = jax.tree.flatten(state)
    for i, leaf in enumerate(leaves):
        changed = np.array(leaf)
        changed.reshape(-1).view(np.uint8)[0] ^= 1
        assert checksum(jax.tree.unflatten(treedef, [*leaves[:i], changed, *leaves[i + 1 :]])) != base
    assert checksum({"a": np.zeros((2, 3))}) != checksum({"a": np.zeros((3, 2))})
    assert checksum({"a": np.zeros(2)}) != checksum({"b": np.zeros(2)})


def test_a_saved_step_is_not_saved_again(tmp_path, state):
    checkpoints = Checkpoints(tmp_path / "c")
    checkpoints.save(1, state.replace(step=np.int32(1)))
    checkpoints.wait()
    checkpoints.save(1, state.replace(step=np.int32(99)))
    checkpoints.close()
    assert int(restore(tmp_path / "c", state).tree.step) == 1
