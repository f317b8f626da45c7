"""The files and the metadata of the wheel and of the source distribution."""

import re
import tarfile
import zipfile

import pytest

from bgan_jax import __version__
from tests.packaging.building import build
from tests.test_layers import ROOT

setuptools = pytest.importorskip("setuptools", minversion="77", reason="builds need the setuptools of the test extra")


@pytest.fixture(scope="module")
def distributions(tmp_path_factory):
    return build(tmp_path_factory.mktemp("packaging"))


def sources(source, *folders, suffix=".py"):
    return {path.relative_to(source).as_posix() for folder in folders for path in (source / folder).rglob(f"*{suffix}")}


def test_the_wheel_holds_every_module_and_its_data_and_nothing_else(distributions):
    with zipfile.ZipFile(distributions.wheel) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    embedded = sources(distributions.source, "bgan_jax/data/embedded", suffix=".*")
    assert len(embedded) >= 3
    page = {f"experiments/harness/reports/report.{suffix}" for suffix in ("css", "js")}
    assert names == sources(distributions.source, "bgan_jax", "experiments") | embedded | page


def test_the_source_distribution_holds_the_tests_and_the_documents(distributions):
    with tarfile.open(distributions.archive) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert sources(distributions.source, "bgan_jax", "experiments", "tests") <= names
    assert sources(distributions.source, "docs", suffix=".md") <= names
    assert sources(distributions.source, "notebooks", suffix=".ipynb") <= names
    assert {"LICENSE", "README.md", "CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "conftest.py"} <= names
    assert {"docs/conf.py", "docs/static/site.css"} <= names


def test_the_metadata(distributions):
    with zipfile.ZipFile(distributions.wheel) as wheel:
        name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = wheel.read(name).decode()
        assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())
    assert f"Version: {__version__}\n" in metadata
    assert "License-Expression: MIT\n" in metadata
    assert "Requires-Python: >=3.11\n" in metadata


def test_the_citation_names_this_version():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(r"^version: (.+)$", text, re.MULTILINE)[1] == __version__


def test_the_changelog_has_this_version():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## {re.escape(__version__)} - \d{{4}}-\d\d-\d\d$", text, re.MULTILINE)
