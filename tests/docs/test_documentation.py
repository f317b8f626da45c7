"""The documents are correct: code runs, files and links exist, commands have the flags."""

import ast
import dataclasses
import importlib.util
import re
import tomllib
from importlib import import_module

import pytest

from bgan_jax import paths
from experiments.harness.cli.catalogue import command_files, load_command
from experiments.harness.cli.help import help_text
from tests.test_api_conventions import FUNCTIONS
from tests.test_layers import ROOT

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
LINKED = [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
# Files that a page names as examples; the reader creates them.
MADE_BY_THE_READER = {"docs/results/NAME.md"}


@pytest.fixture(scope="module")
def site_pages():
    spec = importlib.util.spec_from_file_location("site_pages", DOCS / "site_pages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def made_with_the_site(site_pages):
    """Pages that are not there before the site is built."""
    return {*site_pages.pages(), *(f"notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb"))}


def text_of(path):
    return path.read_text(encoding="utf-8")


def anchors(path):
    titles = re.findall(r"^#+ (.+)$", text_of(path), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", LINKED, ids=lambda path: path.name)
def test_links_exist(path, made_with_the_site):
    without_code = re.sub(r"```.*?```", "", text_of(path), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)]+)\)", without_code):
        if link.startswith(("http://", "https://")):
            assert re.match(r"https://(arxiv\.org|github\.com|colab\.research\.google\.com)/", link), link
            continue
        name, _, anchor = link.partition("#")
        target = path.parent / name if name else path
        if path.parent == DOCS and name in made_with_the_site:
            continue
        assert target.exists(), f"{path.name}: {link}"
        assert not anchor or anchor in anchors(target), f"{path.name}: {link}"


@pytest.mark.parametrize("path", LINKED, ids=lambda path: path.name)
def test_named_files_exist(path):
    for name in re.findall(r"`((?:bgan_jax|experiments|tests|docs|notebooks)/[\w/.]+\.\w+)`", text_of(path)):
        if name not in MADE_BY_THE_READER and "NAME" not in name:
            assert (ROOT / name).exists(), f"{path.name}: {name}"


def test_every_function_of_the_table_is_in_its_file_and_in_its_test():
    rows = re.findall(
        r"^\| [^|]+ \| `(\w+)` \| `([\w/.]+)` \| `([\w/.]+)` \|$", text_of(DOCS / "equations.md"), re.MULTILINE
    )
    assert len(rows) >= 18
    for name, module, test in rows:
        assert hasattr(import_module(module.removesuffix(".py").replace("/", ".")), name), name
        assert re.search(rf"\b{name}\b", text_of(ROOT / test)), f"{test} does not mention {name}"


def test_the_code_of_how_to_add_runs_in_order(tmp_path, monkeypatch):
    from bgan_jax.algorithms.estimators import ESTIMATORS
    from bgan_jax.networks.catalogue import NETWORKS

    monkeypatch.chdir(tmp_path)
    for catalogue in (NETWORKS, ESTIMATORS):
        for name in ("tiny", "half_boundary_seeking"):
            monkeypatch.setitem(catalogue, name, None)  # so that it is removed again afterwards
    scope: dict = {}
    blocks = re.findall(r"```python\n(.*?)```", text_of(DOCS / "adding.md"), re.DOTALL)
    assert len(blocks) == 7
    for block in blocks:
        exec(block, scope)


def commands_in(path):
    text = text_of(path).replace("\\\n", " ")
    for module, arguments in re.findall(r"python -m (experiments\.\w+)((?: +[^\s#`']+)*)", text):
        if module == "experiments.compile_for":  # It has the flags of another experiment; its own test reads them.
            continue
        yield module, [argument for argument in arguments.split() if argument.startswith("--")]


@pytest.mark.parametrize("path", [*PAGES, ROOT / "README.md"], ids=lambda path: path.name)
def test_commands_have_the_flags_that_they_are_given(path):
    for module, arguments in commands_in(path):
        known = {field.name for field in dataclasses.fields(load_command(module.removeprefix("experiments.")).config)}
        for argument in arguments:
            name = argument.removeprefix("--").partition("=")[0]
            assert name in known | {"help", "helpfull"}, f"{path.name}: {module} has no flag --{name}"


@pytest.mark.parametrize(
    "path", [*PAGES, ROOT / "README.md", *command_files().values()], ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_commands_are_accepted_as_they_are_written(path, monkeypatch):
    """Above all: none has a flag that cannot act with the others."""
    monkeypatch.setattr(paths, "_is_installed", lambda module: module != "tensorflow")  # The extra gcs, for example.
    for module, arguments in commands_in(path):
        legal = [argument for argument in arguments if "$" not in argument and argument not in ("--help", "--helpfull")]
        load_command(module.removeprefix("experiments.")).parse(legal)


def test_every_extra_is_explained():
    project = tomllib.loads(text_of(ROOT / "pyproject.toml"))["project"]
    section = text_of(DOCS / "runs.md").partition("## Extras\n")[2].partition("\n## ")[0]
    assert set(project["optional-dependencies"]) == set(re.findall(r"`([a-z0-9-]+)`", section))


def listed_by(text):
    return set(re.findall(r"^[\w/]+$", "\n".join(re.findall(r"```{toctree}\n(.*?)```", text, re.DOTALL)), re.MULTILINE))


def test_every_page_is_in_a_list_of_contents(site_pages):
    pages = {path.name: text_of(path) for path in PAGES} | site_pages.pages()
    pages |= {f"notebooks/{path.name}": "" for path in (ROOT / "notebooks").glob("*.ipynb")}
    listed = {"index"}
    for path, text in pages.items():
        folder = path.rpartition("/")[0]
        listed |= {f"{folder}/{name}".lstrip("/") for name in listed_by(text)}
    assert {path.rpartition(".")[0] for path in pages} == listed


def test_the_site_has_a_page_for_every_experiment(site_pages):
    names = set(command_files())
    assert {"discrete_mnist", "sample", "report", "toy2d"} <= names
    for name in names:
        page = site_pages.page_of(name)
        assert page.startswith(f"# {name}\n") and f"python -m experiments.{name}" in page
    assert ":img-top: ../pictures/discrete_mnist.png" in site_pages.gallery()
    assert "Last result" in site_pages.page_of("discrete_mnist")


def test_every_public_function_of_the_library_is_on_a_page(site_pages):
    public = {name.removeprefix("bgan_jax.") for name in FUNCTIONS}
    packages = {name.partition(".")[0] for name in public if "." in name}
    assert packages - {"runtime", "atomic_files", "json_lines", "paths"} == set(site_pages.PACKAGES)
    on_pages = set()
    for package in site_pages.PACKAGES:
        on_pages |= set(re.findall(r"automodule:: bgan_jax\.(\S+)\n   :members:", site_pages.api_page(package)))
    of_pages = {name for name in public if name.partition(".")[0] in site_pages.PACKAGES}
    missing = {name for name in of_pages if name.rpartition(".")[0] not in on_pages}
    assert not missing and len(on_pages) > 80


COMMANDS = list(command_files())


@pytest.mark.parametrize("module", COMMANDS)
def test_help_gives_every_flag_a_meaning_and_what_is_legal(module):
    command = load_command(module)
    config = command.config
    shown = help_text(config, description=command.description or "", full=True)
    for field in dataclasses.fields(config):
        meaning = field.metadata["help"]
        assert len(meaning.split()) >= 2 and meaning.endswith("."), f"--{field.name}: {meaning!r}"
        assert f"--{field.name}=" in shown
        if field.metadata["choices"] is not None:
            assert ", ".join(field.metadata["choices"]) in " ".join(shown.split())
        if isinstance(field.default, int | float) and not isinstance(field.default, bool):
            bounded = field.metadata["minimum"] is not None or field.metadata["choices"] is not None
            legal = meaning + field.metadata["legal"]
            assert bounded or re.search(r"\d|divides", legal), f"--{field.name} does not say what is legal"


def test_docstrings_of_commands_start_with_a_sentence_and_a_command():
    for name, path in command_files().items():
        words = ast.get_docstring(ast.parse(text_of(path))) or ""
        assert re.match(r"[A-Z].*\.$", words.splitlines()[0]), name
        assert f"python -m experiments.{name}" in words, name
