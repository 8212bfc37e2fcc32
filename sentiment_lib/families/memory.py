"""Memory that a loaded model holds."""

from __future__ import annotations

import sys
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType

import numpy as np

#: Objects of the process, not of the model.
_SHARED = (type, ModuleType, FunctionType, BuiltinFunctionType, MethodType)


def megabytes(*roots: object) -> float:
    """Megabytes (10^6 bytes) of these objects and all that they refer to, each counted once.

    Memory inside compiled libraries is not seen; memory-mapped arrays count in full.
    """
    seen: set[int] = set()
    total = 0
    remaining = list(roots)
    while remaining:
        item = remaining.pop()
        if id(item) in seen or isinstance(item, _SHARED):
            continue
        seen.add(id(item))
        if isinstance(item, np.ndarray):
            total += item.nbytes
            continue
        total += sys.getsizeof(item)
        if isinstance(item, dict):
            remaining += [*dict.keys(item), *dict.values(item)]
        elif isinstance(item, (list, tuple, set, frozenset)):
            remaining += item
        else:
            remaining += getattr(item, "__dict__", {}).values()
    return total / 1e6
