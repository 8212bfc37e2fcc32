"""A version in the MLflow registry, with the platform's signature."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sentiment_lib.errors import SignatureRefused
from sentiment_lib.signing import KeyRing

#: Purpose of the signature, and name of the MLflow tag that stores it.
PURPOSE, SIGNATURE = "model version", "signature"


@dataclass(frozen=True, kw_only=True)
class RegisteredVersion:
    """A version in the MLflow registry."""

    version: int
    run_id: str
    digest: str
    family: str
    created_at: datetime
    #: SHA-256 of the requester and the training spec: family, seed, options and snapshot hash
    training_key: str
    #: the platform's signature over all fields except the time; empty for a version that the platform did not sign
    signature: str

    def signed_content(self) -> dict[str, object]:
        """The signed fields."""
        names = ("version", "run_id", "digest", "family", "training_key")
        return {name: getattr(self, name) for name in names}

    def signature_problem(self, key_ring: KeyRing) -> str | None:
        """Why the signature is missing or invalid; None when it is valid."""
        if not self.signature:
            return "the platform did not sign it"
        try:
            key_ring.verify(PURPOSE, self.signed_content(), self.signature)
        except SignatureRefused as error:
            return str(error.details.get("problem", error))
        return None


def from_mlflow(found: Any) -> RegisteredVersion:
    """Convert MLflow's ModelVersion."""
    return RegisteredVersion(
        version=int(found.version),
        run_id=found.run_id,
        digest=found.tags.get("digest", ""),
        family=found.tags.get("family", ""),
        created_at=datetime.fromtimestamp(found.creation_timestamp / 1000, UTC),
        training_key=found.tags.get("training_key", ""),
        signature=found.tags.get(SIGNATURE, ""),
    )
