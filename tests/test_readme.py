"""The README's code runs, and its links lead to existing files."""

import re

import pytest

from tests.test_layers import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("code", re.findall(r"```python\n(.*?)```", README, re.DOTALL))
def test_the_code_runs(code):
    scope: dict = {}
    exec(code, scope)
    assert float(scope["ess"][0]) == pytest.approx(1.958699, abs=1e-5)


def test_every_linked_file_exists():
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    links += re.findall(r'src="([^"]+)"', README)
    assert len(links) > 20
    for link in links:
        assert (ROOT / link).exists(), link


def test_every_linked_name_is_in_its_file():
    for name, link in re.findall(r"\[`(?:losses\.)?([A-Za-z_]+)`\]\(([^)]+\.py)\)", README):
        text = (ROOT / link).read_text(encoding="utf-8")
        assert re.search(rf"^(def |class )?{name}\b", text, re.MULTILINE), (name, link)


def test_two_commands_set_everything_up():
    blocks = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
    assert sum("python3 -m venv" in block for block in blocks) == 2
    assert "PLACEHOLDER" not in README


def test_it_is_read_in_minutes():
    assert len(README.splitlines()) <= 140
