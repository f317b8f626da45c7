"""The dependencies of a plain install: each is imported by the package, and no other framework is among them."""

import importlib.metadata
import re
import sys
import tomllib

import pytest

from tests.test_layers import FILES, ROOT, imports_of

HEAVY = {"tensorflow", "tensorflow-cpu", "tensorflow-datasets", "torch", "torchvision", "keras", "pandas", "clu"}


# Modules whose name is not that of their distribution.
DISTRIBUTIONS = {"absl": "absl-py", "orbax": "orbax-checkpoint", "PIL": "pillow", "sklearn": "scikit-learn"}
# Imported if installed: by the extras' features, and by the benchmark that compares with PyTorch.
OPTIONAL = {
    "array-record",
    "ctgan",
    "lmdb",
    "pyarrow",
    "scikit-learn",
    "sdmetrics",
    "pandas",
    "tensorboardx",
    "tensorflow",
    "tensorflow-datasets",
    "torch",
}


def name_of(requirement):
    return re.match(r"[A-Za-z0-9._-]+", requirement)[0].lower().replace("_", "-")


def pulled_in_by(package):
    """Returns every installed package that a plain install of this one requires, directly or through others."""
    found, waiting = set(), [package]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        try:
            requirements = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # for another platform or Python
        found.add(name)
        waiting += [name_of(requirement) for requirement in requirements if "extra ==" not in requirement]
    return found


@pytest.fixture(scope="module")
def declared():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_direct_dependencies_are_these(declared):
    assert {name_of(requirement) for requirement in declared["dependencies"]} == {
        "jax", "flax", "optax", "orbax-checkpoint", "absl-py", "numpy", "grain", "matplotlib", "pillow", "tqdm",
        "etils", "fsspec",
    }  # fmt: skip


def test_the_package_imports_its_direct_dependencies_and_no_others(declared):
    """So chex, for example, which only the tests import, belongs to the extra ``test``."""
    modules = {name.split(".")[0] for path in FILES for name in imports_of(path)} - set(sys.stdlib_module_names)
    imported = {name_of(DISTRIBUTIONS.get(module, module)) for module in modules} - {"bgan-jax", "experiments"}
    assert imported - OPTIONAL == {name_of(requirement) for requirement in declared["dependencies"]}


def test_no_other_framework_comes_along(declared):
    everything = set().union(*(pulled_in_by(name_of(requirement)) for requirement in declared["dependencies"]))
    assert {"jax", "flax", "numpy"} <= everything
    assert not everything & HEAVY


def test_only_one_extra_asks_for_tensorflow(declared):
    asking = {
        extra
        for extra, requirements in declared["optional-dependencies"].items()
        if any(name_of(requirement).startswith("tensorflow-cpu") for requirement in requirements)
    }
    assert asking == {"tfds-prepare"}
