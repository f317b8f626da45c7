"""Packs: written once and atomically, checked when opened, and safe with several processes."""

import json
import logging
import os
import pickle
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from bgan_jax.data import open_dataset
from bgan_jax.data.cache_folder import default_cache_dir
from bgan_jax.data.packed_split import fingerprint
from tests.data.fabrication import smooth_images

IMAGES = smooth_images(40, height=8, width=8)


@pytest.fixture
def name(tmp_path):
    path = tmp_path / "mine.npz"
    np.savez(path, images=IMAGES, labels=np.arange(40) % 3)
    return f"npz:{path}"


def the_pack(cache_dir):
    (folder,) = cache_dir.iterdir()
    return folder


def check(dataset):
    np.testing.assert_array_equal(dataset.rows(np.arange(40)), IMAGES)
    np.testing.assert_array_equal(dataset.labels, np.arange(40) % 3)


def test_a_pack_is_made_once_and_mapped(name, cache_dir, caplog):
    with caplog.at_level(logging.INFO, logger="bgan_jax"):
        first = open_dataset(name, split="all")
        second = open_dataset(name, split="all")
    assert caplog.text.count("packing") == 1
    check(first)
    check(second)
    assert isinstance(second.packed, np.memmap)
    assert not second.packed.flags.writeable
    assert second.spec == first.spec
    assert sorted(os.listdir(the_pack(cache_dir))) == ["labels.npy", "pack.json", "rows.npy"]


def test_another_process_receives_the_files_name_not_its_content(name):
    dataset = open_dataset(name, split="all")
    sent = pickle.dumps(dataset)
    assert len(sent) < dataset.packed.nbytes
    check(pickle.loads(sent))


def truncate(path):
    path.write_bytes(path.read_bytes()[:-7])


def empty(path):
    path.write_bytes(b"")


def flip(path):
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


def remove(path):
    path.unlink()


@pytest.mark.parametrize("file", ["rows.npy", "labels.npy", "pack.json"])
@pytest.mark.parametrize("damage", [truncate, empty, flip, remove])
def test_a_damaged_pack_is_found_and_made_again(name, cache_dir, caplog, file, damage):
    open_dataset(name, split="all")
    damage(the_pack(cache_dir) / file)
    with caplog.at_level(logging.WARNING, logger="bgan_jax"):
        check(open_dataset(name, split="all"))
    assert "damaged" in caplog.text and str(the_pack(cache_dir)) in caplog.text
    caplog.clear()
    check(open_dataset(name, split="all"))
    assert not caplog.text


def test_a_pack_of_no_examples_is_made_again(name, cache_dir, caplog):
    dataset = open_dataset(name, split="all")
    pack = the_pack(cache_dir)
    record = json.loads((pack / "pack.json").read_text())
    rows, labels = dataset.packed[:0], dataset.labels[:0]
    np.save(pack / "rows.npy", rows)
    np.save(pack / "labels.npy", labels)
    record["spec"]["fingerprint"] = fingerprint(dataset.spec, rows, labels)
    (pack / "pack.json").write_text(json.dumps(record))
    check(open_dataset(name, split="all"))
    assert "it has no examples" in caplog.text


def test_another_split_or_option_is_another_pack(name, cache_dir):
    open_dataset(name)
    open_dataset(name, split="test")
    open_dataset(name, palette=4)
    assert len(os.listdir(cache_dir)) == 3


def test_a_reader_that_fails_leaves_nothing(tmp_path, cache_dir):
    np.savez(tmp_path / "bad.npz", images=IMAGES, labels=np.arange(40), label_names=np.array(["only one"]))
    with pytest.raises(ValueError, match="labels"):
        open_dataset(f"npz:{tmp_path / 'bad.npz'}")
    assert os.listdir(cache_dir) == []


def test_a_folder_that_cannot_be_written_is_named(name, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ValueError, match=f"cannot write packed data under {tmp_path / 'file'}"):
        open_dataset(name, cache_dir=tmp_path / "file")


def test_the_default_folder(monkeypatch, tmp_path):
    assert default_cache_dir() == tmp_path / "cache"
    monkeypatch.delenv("BGAN_JAX_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    assert default_cache_dir() == tmp_path / "user" / "bgan_jax"


_OPEN_AND_PRINT = """
import sys, numpy as np, bgan_jax.data as data
dataset = data.open_dataset(sys.argv[1], split="all", resolution=32)
print(len(dataset), dataset.spec.fingerprint, int(dataset.rows(np.arange(len(dataset))).sum(dtype=np.int64)))
"""


@pytest.fixture
def many_images(tmp_path):
    from tests.data.fabrication import encoded

    folder = tmp_path / "many"
    folder.mkdir()
    for number, image in enumerate(smooth_images(1500, height=40, width=40)):
        (folder / f"{number:04}.png").write_bytes(encoded(image))
    return f"images:{folder}"


def start(name):
    return subprocess.Popen([sys.executable, "-c", _OPEN_AND_PRINT, name], stdout=subprocess.PIPE, text=True)


def test_processes_that_pack_at_once_agree(many_images, cache_dir):
    processes = [start(many_images) for _ in range(3)]
    printed = {process.communicate(timeout=120)[0] for process in processes}
    assert all(process.returncode == 0 for process in processes)
    assert len(printed) == 1 and printed.pop().startswith("1500 ")
    assert len(os.listdir(cache_dir)) == 1


def test_a_killed_packer_leaves_no_pack(many_images, cache_dir):
    process = start(many_images)
    deadline = time.monotonic() + 60
    while not list(cache_dir.glob("*.partial/rows.npy")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "it was done before it could be killed"
    assert [path for path in cache_dir.iterdir() if path.suffix != ".partial"] == []
    assert len(open_dataset(many_images, split="all", resolution=32)) == 1500
