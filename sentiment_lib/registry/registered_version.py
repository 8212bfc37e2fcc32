"""A version in the MLflow registry, with the platform's signature."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sentiment_lib.errors import SignatureRefused, VersionDeleted
from sentiment_lib.signing import KeyRing

#: Purpose of the signature, and name of the MLflow tag that stores it.
PURPOSE, SIGNATURE = "model version", "signature"
#: MLflow tag of a version that was registered again under another number: the number that the platform knows it by.
STANDS_FOR = "stands_for"


@dataclass(frozen=True, kw_only=True)
class RegisteredVersion:
    """A version in the MLflow registry."""

    #: the platform's number, which every row of the database names
    version: int
    #: MLflow's number: the same, but for a version that was deleted in MLflow and registered again
    registered_as: int
    run_id: str
    digest: str
    family: str
    created_at: datetime
    #: SHA-256 of the requester and the training spec: family, seed, options and snapshot hash
    training_key: str
    #: the platform's signature over all fields except the time; empty for a version that the platform did not sign
    signature: str

    def signed_content(self) -> dict[str, object]:
        """The signed fields; MLflow's number is one where it differs."""
        names = ("version", "run_id", "digest", "family", "training_key")
        again = () if self.registered_as == self.version else ("registered_as",)
        return {name: getattr(self, name) for name in (*names, *again)}

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
    """Convert MLflow's ModelVersion. Which number it stands for is only to be believed with its signature."""
    stands_for = found.tags.get(STANDS_FOR, "")
    return RegisteredVersion(
        version=int(stands_for) if stands_for.isascii() and stands_for.isdigit() else int(found.version),
        registered_as=int(found.version),
        run_id=found.run_id,
        digest=found.tags.get("digest", ""),
        family=found.tags.get("family", ""),
        created_at=datetime.fromtimestamp(found.creation_timestamp / 1000, UTC),
        training_key=found.tags.get("training_key", ""),
        signature=found.tags.get(SIGNATURE, ""),
    )


def find(client: Any, name: str, version: int, key_ring: KeyRing) -> RegisteredVersion:
    """The version of this number, or the newest signed one that stands for it. Raises VersionDeleted without either."""
    from mlflow.exceptions import MlflowException

    try:
        found = from_mlflow(client.get_model_version(name, str(version)))
        if found.version == version:
            return found
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
    again = [one for one in find_all(client, name) if one.version == version and one.registered_as != version]
    signed = [one for one in again if one.signature_problem(key_ring) is None]
    if not signed:
        raise VersionDeleted(version=version)
    return max(signed, key=lambda one: one.registered_as)


def find_all(client: Any, name: str) -> list[RegisteredVersion]:
    """Every version in MLflow, as it claims to be."""
    return [from_mlflow(version) for version in client.search_model_versions(f"name = '{name}'")]
