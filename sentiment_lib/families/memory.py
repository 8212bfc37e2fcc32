"""How much memory a loaded model keeps."""

from __future__ import annotations

import sys
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType

import numpy as np

#: What is the process's, not the model's.
_SHARED = (type, ModuleType, FunctionType, BuiltinFunctionType, MethodType)


def megabytes(*kept: object) -> float:
    """Megabytes (10^6 bytes) of arrays, texts, containers and objects with what they refer to, each counted once.

    What is inside of compiled libraries does not show; arrays mapped from a file count as if all of it was read.
    """
    seen: set[int] = set()
    total = 0
    left = list(kept)
    while left:
        found = left.pop()
        if id(found) in seen or isinstance(found, _SHARED):
            continue
        seen.add(id(found))
        if isinstance(found, np.ndarray):
            total += found.nbytes
            continue
        total += sys.getsizeof(found)
        if isinstance(found, dict):
            left += [*dict.keys(found), *dict.values(found)]
        elif isinstance(found, (list, tuple, set, frozenset)):
            left += found
        else:
            left += getattr(found, "__dict__", {}).values()
    return total / 1e6
