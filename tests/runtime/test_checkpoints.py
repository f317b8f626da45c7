import shutil
from pathlib import Path

import jax
import numpy as np
import pytest

from bgan_jax.algorithms.state import init_state
from bgan_jax.runtime import parallel
from bgan_jax.runtime.checkpoints import Checkpoints, OtherStateError, UnsavedError
from tests.toy_game import toy_game


@pytest.fixture
def state():
    game = toy_game(num_samples=4)
    made = init_state(jax.random.key(3), networks=game.networks, optimizers=game.optimizers)
    return parallel.to_host(made)


def saved(folder, state, steps=(1, 2)):
    checkpoints = Checkpoints(folder, keep=3)
    for step in steps:
        checkpoints.save(step, state if isinstance(state, dict) else state.replace(step=np.int32(step)))
    checkpoints.close()


def restore(folder, state):
    checkpoints = Checkpoints(folder, read_only=True)
    try:
        return checkpoints.restore(state)
    finally:
        checkpoints.close()


def largest_file(folder: Path) -> Path:
    return max((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)


def test_a_saved_state_is_restored(tmp_path, state):
    saved(tmp_path / "c", state)
    restored = restore(tmp_path / "c", state)
    assert restored.step == 2
    jax.tree.map(np.testing.assert_array_equal, restored.tree, state.replace(step=np.int32(2)))
    assert jax.tree.structure(restored.tree) == jax.tree.structure(state)


def test_only_the_newest_are_kept(tmp_path, state):
    saved(tmp_path / "c", state, steps=(1, 2, 3, 4, 5))
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == ["3", "4", "5"]


def test_without_checkpoints_nothing_is_restored(tmp_path, state):
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


def test_a_state_of_another_kind_is_not_called_damaged(tmp_path, state):
    saved(tmp_path / "c", {"kept": np.zeros(3, np.float32), "taken_out": np.zeros(2)})
    with pytest.raises(OtherStateError, match=r"\['taken_out'\] is in it, and not here.*choose another --workdir"):
        restore(tmp_path / "c", {"kept": np.zeros(3, np.float32)})
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == ["1", "2"]


def test_files_do_not_grow_in_number_with_the_leaves(tmp_path):
    for name, leaves in (("few", 2), ("many", 40)):
        saved(tmp_path / name, {f"leaf{i}": np.full(5, i, np.float32) for i in range(leaves)}, steps=(1,))
    few, many = ([path for path in (tmp_path / name).rglob("*") if path.is_file()] for name in ("few", "many"))
    assert len(few) == len(many)


def test_a_saved_step_is_not_saved_again(tmp_path, state):
    checkpoints = Checkpoints(tmp_path / "c")
    checkpoints.save(1, state.replace(step=np.int32(1)))
    checkpoints.wait()
    checkpoints.save(1, state.replace(step=np.int32(99)))
    checkpoints.close()
    assert int(restore(tmp_path / "c", state).tree.step) == 1


def test_a_damaged_checkpoint_is_renamed_and_its_step_saved_again(tmp_path, state):
    saved(tmp_path / "c", state)
    flip_a_byte(tmp_path / "c" / "2")
    checkpoints = Checkpoints(tmp_path / "c")
    assert checkpoints.restore(state).step == 1
    assert (tmp_path / "c" / "2.damaged").is_dir() and checkpoints.steps() == [1]
    checkpoints.save(2, state.replace(step=np.int32(2)))
    checkpoints.finish(2)
    checkpoints.close()
    assert restore(tmp_path / "c", state).step == 2


def test_a_run_does_not_start_again_when_all_checkpoints_are_damaged(tmp_path, state):
    saved(tmp_path / "c", state)
    for step in (1, 2):
        truncate(tmp_path / "c" / str(step))
    with pytest.raises(ValueError, match=r"none of the 2 checkpoints in .* can be restored"):
        restore(tmp_path / "c", state)
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == ["1", "2"]


def test_a_partial_checkpoint_of_a_crash_is_removed(tmp_path, state):
    saved(tmp_path / "c", state)
    (tmp_path / "c" / "3.orbax-checkpoint-tmp").mkdir()
    Checkpoints(tmp_path / "c").close()
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == ["1", "2"]


@pytest.mark.parametrize("when", ["at once", "in the background"])
def test_a_save_that_fails_is_logged_and_the_next_one_succeeds(tmp_path, state, caplog, monkeypatch, when):
    checkpoints = Checkpoints(tmp_path / "c")
    checkpoints.save(1, state)
    assert checkpoints.wait()

    def fail(*arguments, **settings):
        raise OSError(28, "No space left on device")

    with caplog.at_level("WARNING", logger="bgan_jax"):
        if when == "at once":
            monkeypatch.setattr(checkpoints._manager, "save", fail)
            assert not checkpoints.save(2, state)
        else:
            assert checkpoints.save(2, state)
            checkpoints._manager.wait_until_finished()
            shutil.rmtree(tmp_path / "c" / "2")
            monkeypatch.setattr(checkpoints._manager, "wait_until_finished", fail)
            assert not checkpoints.wait()
    assert "the checkpoint of step 2 could not be written ([Errno 28] No space left on device)" in caplog.text
    assert f"the last good one is {tmp_path / 'c' / '1'}" in caplog.text
    with pytest.raises(UnsavedError, match=r"step 2 could not be saved; the last good checkpoint is .*/c/1"):
        checkpoints.finish(2)
    checkpoints.save(3, state)
    checkpoints.finish(3)
    checkpoints.close()
    assert restore(tmp_path / "c", state).step == 3
