"""``open_dataset``: names, options, and its messages if something is missing, immediate and without a network."""

import ast
import pathlib
import socket
import subprocess
import sys
import time

import pytest

import bgan_jax.data
from bgan_jax.data import DatasetNotFoundError, open_dataset
from bgan_jax.data.catalogue import CATALOGUE, OWN

EMBEDDED = ("mnist10k", "emoji16", "emoji32", "austen32", "commute")
ELSEWHERE = [name for name in CATALOGUE if name not in (*EMBEDDED, *OWN)]


def test_every_name_is_in_the_catalogue():
    assert set(ELSEWHERE) == {
        "mnist", "binarized_mnist", "cifar10", "celeba16", "celeba64", "celeba128", "lsun_bedroom64",
        "lsun_bedroom128", "imagenet32", "imagenet64", "imagenet128", "lm1b", "lm1b_padded",
    }  # fmt: skip


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_):
        raise AssertionError("tried to reach the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.parametrize("name", ELSEWHERE)
def test_missing_data_are_reported_at_once_with_the_command(name, tmp_path, no_network):
    started = time.monotonic()
    with pytest.raises(DatasetNotFoundError) as caught:
        open_dataset(name, data_dir=tmp_path)
    assert time.monotonic() - started < 1
    message = str(caught.value)
    assert "\n" not in message
    assert f"is not in {tmp_path} (looked for " in message
    assert f"python -m experiments.prepare_data {name} --data_dir={tmp_path}" in message


def test_the_default_folder_is_that_of_tensorflow_datasets(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "prepared"))
    with pytest.raises(DatasetNotFoundError, match=f"is not in {tmp_path / 'prepared'}"):
        open_dataset("cifar10")


@pytest.mark.parametrize("name", ["mnits", "mnist10k:path", "images", "tar:faces.tar", ""])
def test_an_unknown_name_lists_the_known_ones(name):
    with pytest.raises(ValueError, match=r"unknown dataset .*mnist10k, .*images:PATH, text:PATH, csv:PATH"):
        open_dataset(name)


@pytest.mark.parametrize("name", [f"{name}:" for name in OWN])
def test_an_empty_path_is_refused(name):
    with pytest.raises(ValueError, match="needs the path of your data"):
        open_dataset(name)


@pytest.mark.parametrize("name", EMBEDDED)
def test_an_unknown_split_is_refused(name):
    with pytest.raises(ValueError, match="has no split 'valid'; it has: train, test, all"):
        open_dataset(name, split="valid")


@pytest.mark.parametrize(
    ("name", "option", "message"),
    [
        ("mnist10k", {"palette": 16}, "mnist10k takes no palette; it takes: binarization"),
        ("emoji32", {"resolution": 64}, "emoji32 takes no resolution; it takes: no options"),
        ("mnist10k", {"binarization": "maybe"}, "binarization 'maybe' is not one of threshold, stochastic, none"),
        ("emoji16", {"quantizer": "octree"}, "quantizer 'octree' is not one of kmeans, median_cut"),
        ("emoji16", {"dither": "yes"}, "dither 'yes' is not one of none, floyd_steinberg"),
        ("austen32", {"short_lines": "keep"}, "short_lines 'keep' is not one of drop, pad"),
        ("austen32", {"length": 0}, "length=0 must be at least 1"),
    ],
)
def test_an_illegal_option_is_refused(name, option, message):
    with pytest.raises(ValueError, match=message):
        open_dataset(name, **option)


def test_importing_loads_nothing_heavy_and_starts_no_backend():
    code = (
        "import sys, bgan_jax.data; from jax._src import xla_bridge; assert not xla_bridge.backends_are_initialized();"
        "print([m for m in ('tensorflow_datasets', 'tensorflow', 'grain', 'lmdb', 'PIL', 'flax') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_no_jax_transform_is_used():
    transforms = {"jit", "vmap", "pmap", "grad", "value_and_grad", "scan", "shard_map", "checkpoint"}
    for path in pathlib.Path(bgan_jax.data.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute):
                assert node.attr not in transforms, f"{path}: {node.attr}"
