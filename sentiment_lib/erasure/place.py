"""A place where tweets may lie: what it holds, for what and how long, and how it is searched and erased."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Place:
    """One entry of the catalogue. A place either holds data of people or says why it holds none."""

    name: str
    #: text, JSON and id columns by table
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: folders and files below the state folder
    folders: tuple[str, ...] = ()
    #: what is outside tables and folders, in words
    beside: str = ""
    #: data of people that it may hold; empty: none
    holds: str = ""
    #: what the data is for
    purpose: str = ""
    #: rule of the policy that ends it, or how long it is kept, in words
    kept: str = ""
    #: who may read it
    readers: str = ""
    #: how it is searched and erased; of a place that holds nothing: why
    how: str = ""

    @property
    def is_harmless(self) -> bool:
        """Whether it holds no data of people."""
        return not self.holds
