"""Optional packages that only some families need."""

from __future__ import annotations

from importlib import import_module

from sentiment_lib.errors import MissingExtra


def require_torch(family: str) -> None:
    """Raise MissingExtra unless torch, transformers and safetensors can be imported."""
    for package in ("torch", "transformers", "safetensors"):
        try:
            import_module(package)
        except ImportError as error:
            raise MissingExtra(what=f"Training {family}", package=package, extra="transformers") from error
