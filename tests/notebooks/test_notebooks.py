"""The notebooks run from top to bottom, their two files are the same, and their first cell keeps jax."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import types

import pytest

from tests.test_layers import ROOT

FOLDER = ROOT / "notebooks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.ipynb"))


def load_pairing():
    spec = importlib.util.spec_from_file_location("pairing", FOLDER / "pairing.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


pairing = load_pairing()


def test_there_are_three():
    assert sorted(pairing.NOTEBOOKS) == NAMES == ["digits", "from_scratch", "losses"]


@pytest.mark.parametrize("name", NAMES)
def test_both_forms_are_the_same_and_small(name):
    path = FOLDER / f"{name}.ipynb"
    written = path.read_text(encoding="utf-8")
    script = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    assert written == pairing.notebook_of(script), "run python notebooks/pairing.py"
    assert path.stat().st_size < 40_000
    notebook = json.loads(written)
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert len(code) >= 5 and not any(cell["outputs"] for cell in code)
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])


# The extra `test` contains a kernel; without one the script, which has the same cells, is run instead.
HAS_KERNEL = all(importlib.util.find_spec(name) for name in ("nbclient", "nbformat", "ipykernel"))
SMALL = {
    "NOTEBOOK_SMALL": "1",
    "JAX_NUM_CPU_DEVICES": "1",
    "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
}


@pytest.mark.skipif(not HAS_KERNEL, reason="no Jupyter kernel is installed; the script is run instead")
@pytest.mark.parametrize("name", NAMES)
def test_it_runs_in_a_kernel(name, tmp_path):
    import nbclient
    import nbformat

    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute(env={name: value for name, value in os.environ.items() if name != "MPLBACKEND"} | SMALL)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    shown = [kind for cell in code for output in cell.outputs for kind in output.get("data", {})]
    assert "image/png" in shown


@pytest.mark.skipif(HAS_KERNEL, reason="the notebook itself is run, in a kernel")
@pytest.mark.parametrize("name", NAMES)
def test_it_runs_as_a_script(name):
    done = subprocess.run(
        [sys.executable, str(FOLDER / f"{name}.py")], capture_output=True, text=True, timeout=300,
        env={**os.environ, "MPLBACKEND": "Agg", **SMALL},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


EXECUTED = sorted((ROOT / "docs" / "executed").glob("*.ipynb"))


@pytest.mark.parametrize("path", EXECUTED, ids=lambda path: path.stem)
def test_the_site_shows_the_notebook_as_it_is_with_its_results(path):
    executed, notebook = (json.loads(file.read_text(encoding="utf-8"))["cells"] for file in (path, FOLDER / path.name))
    # Links to pictures are relative to the file.
    sources = [json.dumps(cell["source"]).replace("](../docs/", "](../") for cell in notebook]
    assert [json.dumps(cell["source"]) for cell in executed] == sources, (
        f"run python docs/execute_notebooks.py {path.stem}"
    )
    outputs = [output for cell in executed for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert not any("error" in output["output_type"] for output in outputs)
    links = re.findall(r"!\[[^]]*\]\(([^)]*)\)", "".join("".join(cell["source"]) for cell in executed))
    assert all((path.parent / link).is_file() for link in links), links
    assert path.stat().st_size < 400_000 and tempfile.gettempdir() not in path.read_text(encoding="utf-8")


def test_from_scratch_is_short_and_imports_nothing_of_ours_before_the_check():
    script = (FOLDER / "from_scratch.py").read_text(encoding="utf-8")
    own, _, check = script.partition("## Checked against the package")
    assert check and not re.search(r"^(import|from) (bgan_jax|experiments)", own, re.MULTILINE)
    code = [source for kind, source in pairing.cells_of(own) if kind == "code"][1:]
    assert len([line for source in code for line in source.splitlines() if line.strip()]) <= 150


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("installed", [False, True], ids=["missing", "there"])
def test_the_first_cell_installs_what_is_missing_and_keeps_jax(name, installed, tmp_path, monkeypatch):
    script = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    cell = next(source for kind, source in pairing.cells_of(script) if kind == "code")
    commands = []
    monkeypatch.setattr(subprocess, "run", lambda command, **_: commands.append(command))
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: types.SimpleNamespace() if installed or name != "bgan_jax" else None
    )
    monkeypatch.setattr(importlib.metadata, "version", {"jax": "0.7.2", "jaxlib": "0.7.2"}.__getitem__)
    nowhere, somewhere = (re.sub(r'SOURCE = ".*?"', f'SOURCE = "{source}"', cell) for source in ("", ".."))
    if installed:
        exec(nowhere, {})
        assert commands == []
    else:
        exec(somewhere, {})
        assert [command[-3:] for command in commands] == [["..", "jax==0.7.2", "jaxlib==0.7.2"]]
        with pytest.raises(ModuleNotFoundError, match="set SOURCE"):
            exec(nowhere, {})
        assert len(commands) == 1
        (tmp_path / "notebooks").mkdir()
        (tmp_path / "bgan_jax").mkdir()
        (tmp_path / "bgan_jax" / "version.py").touch()
        monkeypatch.chdir(tmp_path / "notebooks")  # where Jupyter runs the notebook of a clone
        exec(nowhere, {})
        assert len(commands) == 2 and commands[1][-3] == ".."
