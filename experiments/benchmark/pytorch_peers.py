"""Runs a peer's own training loop from the user's checkout, on synthetic data.

Their files are scripts that parse the command line, download, print, save and draw. So each is parsed and reduced
before it is executed: their networks, losses, optimisers and defaults remain and, of the loop over batches, everything
before it first prints, which is their update. Their packages are not imported, so nothing is found under their names.
On a GPU their batches come from the host at every step, as those of a data loader; ours are on the device.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from experiments.benchmark.ours import synthetic_rows
from experiments.benchmark.peers import PEERS
from experiments.benchmark.program import Program
from experiments.benchmark.pytorch import program_of
from experiments.benchmark.rows import Row
from experiments.harness.errors import UsageError

IMPORTED = sys.stdlib_module_names | {"torch", "numpy"}
#: A statement outside functions and classes that contains one of these downloads, writes or prints.
LEFT_OUT = ("DataLoader(", "makedirs(", "print(")

Namespace = dict[str, Any]
Loop = Callable[[list[Any]], None]


def read_script(path: Path, *, arguments: list[str]) -> ast.Module:
    """Parses a script and removes everything but its training.

    Args:
      path: of the script.
      arguments: what it reads in place of the command line.

    Returns:
      Its syntax tree, reduced as the module's docstring says.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tree.body = [statement for statement in tree.body if _stays(statement)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "parse_args":
            node.args = [ast.parse(repr(arguments), mode="eval").body]
        elif isinstance(node, ast.For):
            _cut_epoch(node)
    return ast.fix_missing_locations(tree)


def _stays(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Import):
        return all(alias.name.split(".")[0] in IMPORTED for alias in statement.names)
    if isinstance(statement, ast.ImportFrom):
        return (statement.module or "").split(".")[0] in IMPORTED
    if isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.For):
        return True
    return not any(name in ast.unparse(statement) for name in LEFT_OUT)


def _cut_epoch(epoch: ast.For) -> None:
    """Ends an epoch with its loop over batches, and each batch before the first statement that prints."""
    for place, batch in enumerate(epoch.body):
        if isinstance(batch, ast.For):
            prints = ["print(" in ast.unparse(statement) for statement in batch.body]
            if True not in prints:
                raise ValueError(f"the loop of line {batch.lineno} never prints, so the end of its update is unknown")
            del batch.body[prints.index(True) :], epoch.body[place + 1 :]
            return


def _execute(statements: list[ast.stmt], path: Path, namespace: Namespace) -> None:
    exec(compile(ast.Module(statements, []), str(path), "exec"), namespace)


def bgan_pytorch(folder: Path, row: Row) -> Loop:
    """Returns the loop of https://github.com/kklemon/bgan-pytorch over batches, as its ``train.py`` sets it up."""
    made: list[Any] = []
    namespace: Namespace = {"__name__": "peer", "edict": SimpleNamespace}
    arguments = ["disc_mnist" if row.kind == "binary" else "disc_celeba", f"--n-mc-samples={row.num_samples}"]
    for file in PEERS["bgan-pytorch"].files:
        _execute(read_script(folder / file, arguments=[*arguments, "--epochs=0"]).body, folder / file, namespace)
    model_class = namespace["Model"]

    def keep(*values: Any, **options: Any) -> Any:
        made.append(model_class(*values, **options))
        return made[-1]

    def dataset(*_: Any, **__: Any) -> Any:
        return SimpleNamespace(num_colors=max(row.shape[-1], 2))

    namespace.update(
        Model=keep, DataLoader=lambda *_, **__: [], create_result_dir=lambda _: (None, None, None),
        BinaryMNIST=dataset, QuantizedImageDataset=dataset,
    )  # fmt: skip
    namespace["main"]()
    (model,) = made

    def loop(batches: list[Any]) -> None:
        model.dataloader = batches
        model.train(1)

    return loop


def pytorch_gan(folder: Path, row: Row) -> Loop:
    """Returns the loop over batches at the end of ``bgan.py`` of https://github.com/eriklindernoren/PyTorch-GAN."""
    del row  # The script's own sizes are the row's.
    path = folder / PEERS["PyTorch-GAN"].files[0]
    namespace: Namespace = {"__name__": "peer"}
    *setup, epochs = read_script(path, arguments=["--n_epochs=1"]).body
    _execute(setup, path, namespace)
    code = compile(ast.Module([epochs], []), str(path), "exec")

    def loop(batches: list[Any]) -> None:
        # It is made under the one name and read, as of 2021, under the other.
        namespace["dataloader"] = namespace["mnist_loader"] = [(images, None) for images in batches]
        exec(code, namespace)

    return loop


LOOPS: dict[str, Callable[[Path, Row], Loop]] = {"bgan-pytorch": bgan_pytorch, "PyTorch-GAN": pytorch_gan}


def synthetic_batches(row: Row) -> list[torch.Tensor]:
    """Draws batches in the form of the peer's data loader: channels first; colours as numbers."""
    examples = torch.from_numpy(synthetic_rows(row))
    examples = examples.long() if row.kind == "categorical" else examples.movedim(-1, 1).contiguous().float()
    return [*examples.split(row.batch_size)][: len(examples) // row.batch_size]


def peer_program(name: str, folder: Path, row: Row) -> Program:
    """Makes the program of a peer's step.

    Args:
      name: of the peer, a key of ``PEERS``.
      folder: of its checkout.
      row: one of the peer's rows.

    Returns:
      The program, after its first steps.

    Raises:
      UsageError: the checkout has changed since this was written.
    """
    torch.manual_seed(0)
    batches = synthetic_batches(row)

    def run(steps: int) -> None:
        loop([batches[step % len(batches)] for step in range(steps)])

    try:
        loop = LOOPS[name](folder, row)
        with FlopCounterMode(display=False) as counter:
            run(1)
    except Exception as error:
        raise UsageError(
            f"--peer_path: {folder} is not the {name} that this benchmark knows: {error!r}; "
            f"give an unchanged checkout of {PEERS[name].address}"
        ) from error
    return program_of(name, run)._replace(flops=float(counter.get_total_flops()))
