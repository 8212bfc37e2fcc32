"""The CPU and memory of this machine, since the same training on another CPU can round differently; and its user."""

from __future__ import annotations

import os
import platform
import pwd
import resource
from functools import lru_cache
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
#: Instruction sets that change how a network is computed: bfloat16 and int8 dot products.
DECIDING = ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "avx_vnni", "amx_bf16", "amx_int8")


def os_user() -> str:
    """Name of the user who runs this process; environment variables cannot change it."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run under a uid without a name
        return str(os.getuid())


def processor(cpuinfo: Path = CPUINFO) -> dict[str, str]:
    """Architecture, CPU model, which of the DECIDING instruction sets it has, and OMP_NUM_THREADS ("all" if unset).

    Model and instruction sets are empty where the system does not state them.
    """
    facts = _first_processor(cpuinfo)
    flags = set(facts.get("flags", "").split())
    return {
        "machine": platform.machine(),
        "processor": facts.get("model name") or platform.processor(),
        "instructions": " ".join(name for name in DECIDING if name in flags),
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
    }


@lru_cache(maxsize=1)
def has_bf16() -> bool:
    """Whether torch computes in bfloat16 natively on this CPU."""
    import torch

    if "AVX512" not in torch.backends.cpu.get_cpu_capability():
        return False
    return "avx512_bf16" in _first_processor(CPUINFO).get("flags", "").split()


def peak_memory_mb() -> float:
    """Peak resident memory of this process so far, in MiB."""
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / 1024 if platform.system() == "Linux" else kilobytes / 1024**2


def _first_processor(cpuinfo: Path) -> dict[str, str]:
    """Fields of the first CPU in Linux's /proc/cpuinfo; empty elsewhere."""
    try:
        first = cpuinfo.read_text(encoding="utf-8", errors="replace").split("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}
