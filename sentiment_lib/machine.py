"""What this machine computes with: the same training on another processor can round in another way."""

from __future__ import annotations

import os
import platform
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
#: Instructions that change how a network is computed: bfloat16 and the dot products of int8.
DECIDING = ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "avx_vnni", "amx_bf16", "amx_int8")


def processor(cpuinfo: Path = CPUINFO) -> dict[str, str]:
    """Machine, name of the processor, which of DECIDING it has, and the threads that numeric libraries may take.

    The name is empty, and so are the instructions, where nothing tells them; threads are "all" where nobody set them.
    """
    told = _told(cpuinfo)
    flags = set(told.get("flags", "").split())
    return {
        "machine": platform.machine(),
        "processor": told.get("model name") or platform.processor(),
        "instructions": " ".join(name for name in DECIDING if name in flags),
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
    }


def _told(cpuinfo: Path) -> dict[str, str]:
    """The first processor's lines, as Linux tells them."""
    try:
        first = cpuinfo.read_text(encoding="utf-8", errors="replace").split("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}
