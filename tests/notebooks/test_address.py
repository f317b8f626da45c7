"""The repository's address: README and the notebooks are as the command writes them from pyproject.toml."""

import tomllib

import pytest

from notebooks import address, pairing

PROJECT = address.PROJECT.read_text(encoding="utf-8")


def test_every_file_is_what_the_command_writes():
    for path, text in address.written(address.repository_of(PROJECT)).items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run python -m notebooks.address"


def test_with_an_address_each_badge_opens_its_notebook_and_its_first_cell_installs_from_there():
    texts = address.written("some-one/its.name")
    readme = texts[address.README]
    for name in pairing.NOTEBOOKS:
        opened = f"https://colab.research.google.com/github/some-one/its.name/blob/main/notebooks/{name}.ipynb"
        assert readme.count(f"({opened}) [") == 1
        source = 'SOURCE = "git+https://github.com/some-one/its.name"'
        assert texts[pairing.FOLDER / f"{name}.py"].count(source) == 1


def test_without_one_there_are_no_badges():
    texts = address.written(None)
    readme = texts[address.README]
    assert "colab" not in readme.lower()
    assert all(f"](notebooks/{name}.ipynb)" in readme for name in pairing.NOTEBOOKS)
    assert all('SOURCE = ""' in texts[pairing.FOLDER / f"{name}.py"] for name in pairing.NOTEBOOKS)


def test_the_address_is_in_one_place_and_can_change():
    once = address.with_repository(PROJECT, "a/b")
    assert address.repository_of(once) == "a/b"
    twice = address.with_repository(once, "c/d")
    assert address.repository_of(twice) == "c/d" and "a/b" not in twice
    without = [{**tomllib.loads(text)["project"], "urls": None} for text in (PROJECT, twice)]
    assert without[0] == without[1]


def test_an_address_that_colab_cannot_open_is_refused():
    with pytest.raises(ValueError, match="OWNER/NAME only"):
        address.repository_of('[project]\nurls.Repository = "https://example.org/a/b"')
