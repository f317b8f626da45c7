"""What XLA wants to know of a GPU that is not there, in the text form of its own ``GpuTargetConfigProto``."""

from __future__ import annotations

from collections.abc import Mapping

#: Limits of a block and of a multiprocessor are those of the compute capability (CUDA C++ Programming Guide).
_TARGET = """
gpu_device_info {{
  cuda_compute_capability {{ major: {major} }}
  threads_per_warp: 32
  threads_per_block_limit: 1024
  threads_per_core_limit: 2048
  block_dim_limit_x: 2147483647
  block_dim_limit_y: 65535
  block_dim_limit_z: 65535
  registers_per_block_limit: 65536
  registers_per_core_limit: 65536
  shared_memory_per_block: 49152
  shared_memory_per_block_optin: {shared_optin}
  shared_memory_per_core: {shared_per_core}
  core_count: {cores}
  fpus_per_core: {fpus}
  clock_rate_ghz: {clock}
  memory_bandwidth: {bandwidth}
  device_memory_size: {memory}
  l2_cache_size: {cache}
}}
platform_name: "CUDA"
dnn_version_info {{ major: 9 minor: 8 }}
runtime_version {{ major: 12 minor: 8 }}
device_description_str: "{name}"
"""
_HOPPER = {
    "major": 9, "shared_optin": 232448, "shared_per_core": 233472, "cores": 132, "fpus": 128, "clock": 1.98,
    "cache": 50 * 2**20,
}  # fmt: skip
TARGETS: Mapping[str, str] = {
    "a100": _TARGET.format(
        major=8, shared_optin=166912, shared_per_core=167936, cores=108, fpus=64, clock=1.41, bandwidth=1555 * 10**9,
        memory=40 * 2**30, cache=40 * 2**20, name="NVIDIA A100-SXM4-40GB",
    ),
    "h100": _TARGET.format(
        **_HOPPER, bandwidth=3350 * 10**9, memory=80 * 2**30, name="NVIDIA H100 80GB HBM3"
    ),
    "h200": _TARGET.format(**_HOPPER, bandwidth=4800 * 10**9, memory=141 * 2**30, name="NVIDIA H200"),
}  # fmt: skip
