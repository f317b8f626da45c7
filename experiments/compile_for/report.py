"""What a compiled step needs and costs, by its compiler: in numbers and in words."""

from __future__ import annotations

import importlib.metadata
import re
import time
from pathlib import Path
from typing import Any

import jax

from bgan_jax.atomic_files import write_text
from bgan_jax.runtime import workdir
from experiments.compile_for.chips import chip_of, first_line
from experiments.compile_for.memory_traffic import hbm_bytes
from experiments.compile_for.program_text import count
from experiments.harness.errors import UsageError
from experiments.harness.runs.program import Call

#: The packages that compile, by JAX's name of the platform.
COMPILERS = {"tpu": ("jax", "libtpu"), "gpu": ("jax", "jax-cuda12-plugin")}


def report_of(call: Call, topology: str, *, text_file: str | None = None) -> dict[str, Any]:
    """Compiles a call and reports, per step and per device.

    Args:
      call: of devices that are only described.
      topology: their name.
      text_file: where the optimised program is written; ``None`` for nowhere.

    Returns:
      JSON values: ``topology, devices, launcher, steps_per_call, compile_seconds, argument_bytes, temp_bytes,
      memory_share, flops, hbm_bytes, estimated_ms, flops_ms, hbm_ms, all_reduces, all_reduce_bytes, other_collectives,
      data_copies, versions, commit``. The compiler for GPUs estimates neither time nor arithmetic: ``estimated_ms``,
      ``flops`` and ``flops_ms`` are ``None``.

    Raises:
      UsageError: the step does not fit into the memory of a device.
    """
    platform = call.program.launcher.platform
    on_gpu = platform.name == "gpu"
    chip = chip_of(topology, "cuda" if on_gpu else "tpu")
    commit, began = workdir.commit(), time.monotonic()
    try:
        compiled = call.program.advance.compile(*call.arguments)  # type: ignore[attr-defined]
    except jax.errors.JaxRuntimeError as error:
        raise UsageError(_too_large(error, topology)) from error
    seconds = time.monotonic() - began
    memory, cost = compiled.memory_analysis(), compiled.cost_analysis() or {}
    text = compiled.as_text()
    if text_file is not None:
        write_text(Path(text_file), text)
    steps = call.program.steps_per_call
    found = count(text, data_bytes=call.data_bytes, steps=steps)
    flops, moved = None if on_gpu else float(cost.get("flops", 0.0)), hbm_bytes(text, steps=steps)
    needed = memory.argument_size_in_bytes + memory.temp_size_in_bytes
    return {
        "topology": topology,
        "devices": len(platform.devices),
        "launcher": call.program.launcher.parallel,
        "steps_per_call": steps,
        "compile_seconds": round(seconds, 1),
        "argument_bytes": memory.argument_size_in_bytes,
        "temp_bytes": memory.temp_size_in_bytes,
        "memory_share": round(needed / chip.memory, 4),
        "flops": flops,
        "hbm_bytes": moved,
        "estimated_ms": None if on_gpu else round(1e3 * found.cycles / chip.clock, 4),
        "flops_ms": None if flops is None else round(1e3 * flops / chip.flops, 4),
        "hbm_ms": round(1e3 * moved / chip.bandwidth, 4),
        "all_reduces": found.all_reduces,
        "all_reduce_bytes": found.all_reduce_bytes,
        "other_collectives": found.other_collectives,
        "data_copies": found.data_copies,
        "versions": {name: importlib.metadata.version(name) for name in COMPILERS[platform.name]},
        "commit": commit,
    }


def _too_large(error: Exception, topology: str) -> str:
    """Returns the line that refuses a step, with how much it needs where the compiler says so."""
    message = str(error)
    if "RESOURCE_EXHAUSTED" not in message:
        return f"--topology={topology}: the compiler refused the step: {first_line(error)}"
    needed = re.search(r"[Uu]sed ([\d.]+[KMGT]i?B?) of ([\d.]+[KMGT]i?B?)", message)
    how_much = f"it needs {needed.group(1)} of {needed.group(2)}" if needed else first_line(error)
    return f"--topology={topology}: the step does not fit into a device's memory: {how_much}; lower --per_device"


def in_words(report: dict[str, Any]) -> str:
    """Describes a report in a few lines."""
    command = " ".join([report["experiment"], *report["flags"]])
    needed = report["argument_bytes"] + report["temp_bytes"]
    estimate = report["estimated_ms"]
    step = (
        "no estimate: the compiler for GPUs makes none"
        if estimate is None
        else (f"{estimate:.3f} ms by the compiler's estimate, without what is sent; no measurement")
    )
    arithmetic = (
        ""
        if report["flops_ms"] is None
        else (f"{report['flops_ms']:.3f} ms of arithmetic at the chip's published peak, ")
    )
    lines = {
        "compiled": f"in {report['compile_seconds']:.0f} s, {report['devices']} devices, by {report['launcher']}, "
        f"{report['steps_per_call']} steps a call",
        "memory of a device": f"{needed / 1e6:,.1f} MB, {100 * report['memory_share']:.1f} %: arguments "
        f"{report['argument_bytes'] / 1e6:,.1f}, temporary {report['temp_bytes'] / 1e6:,.1f}",
        "a step": step,
        "roofline": f"{arithmetic}{report['hbm_ms']:.3f} ms for {report['hbm_bytes'] / 1e6:,.1f} MB "
        "from and to its memory",
        "sent": f"{report['all_reduces']} all-reduces, {report['all_reduce_bytes'] / 1e6:.2f} MB; "
        f"{report['other_collectives']} other collectives",
        "copies of the data": str(report["data_copies"]),
    }
    return "\n".join([f"{command} on {report['topology']}", *(f"  {name:18}  {text}" for name, text in lines.items())])
