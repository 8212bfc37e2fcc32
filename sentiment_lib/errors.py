"""One root, and a class for each thing a caller can react to. The docstring is the message.

Raise with keyword arguments that fill the docstring's first line:

    raise NotFound(what="tweet", key=3)
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` Did you mean bert?` for the known name that is nearest to a misspelt one; empty when none is near."""
    nearest = get_close_matches(word.casefold(), list(known), n=1)
    return f" Did you mean {nearest[0]}?" if nearest else ""


class SentimentError(Exception):
    """Something went wrong in the sentiment platform."""

    #: Whether the same call may succeed later; a task whose error is not retryable fails at once.
    retryable: ClassVar[bool] = True

    def __init__(self, message: str | None = None, **details: object) -> None:
        self.details = details
        template = (type(self).__doc__ or "").strip().splitlines()[0]
        super().__init__(message if message is not None else template.format(**details))


class MissingExtra(SentimentError):
    """{what} needs the package '{package}', which is not installed: pip install 'airline-sentiment[{extra}]'"""

    retryable = False


class MissingWeights(SentimentError):
    """The family {family} needs weights that are not on this machine: {command}"""

    retryable = False


class BadSource(SentimentError):
    """{source} cannot be read: {problem}"""

    retryable = False


class BadInput(SentimentError):
    """{what} is not valid: {problem}"""

    retryable = False


class UnknownFamily(SentimentError):
    """There is no model family '{family}'. Known: {known}.{suggestion}"""

    retryable = False


class TrainingRefused(SentimentError):
    """{family} cannot be trained: {problem}"""

    retryable = False


class ForgottenMeanwhile(SentimentError):
    """{family} learned from tweets that were forgotten while it was trained: the training is repeated without them"""


class TrainingCancelled(SentimentError):
    """Training of {family} was cancelled after {done}"""

    retryable = False


class UnsafeArtefact(SentimentError):
    """The artefact {artefact} is refused before it is loaded: {problem}"""

    retryable = False


class BadSetting(SentimentError):
    """{setting} is not valid: {problem}"""

    retryable = False


class NotFound(SentimentError):
    """There is no {what} {key}"""

    retryable = False


class VersionDeleted(NotFound):
    """Model version {version} is not in MLflow: register it again by `sentiment repair`, or `sentiment rollback`"""


class NotEnoughLabels(SentimentError):
    """Too few labelled tweets for {purpose}: {have}, and at least {need} are needed"""

    retryable = False


class ChampionMoved(SentimentError):
    """The champion is version {actual}, but the decision compared with version {expected}: evaluate again"""

    retryable = False


class ApprovalVoid(SentimentError):
    """The approval of decision {decision} is void: {problem}"""

    retryable = False


class ApprovalIncomplete(SentimentError):
    """Decision {decision} has {given} of {needed} approvals, and its run asks no more: `sentiment approve {decision}`

    Another approver gives the rest on the command line; then the task check_approval of the run is cleared.
    """

    retryable = False


class AnswerRefused(SentimentError):
    """Nothing was recorded and decision {decision} is as it was: {problem}"""


class NotSignedIn(SentimentError):
    """Sign in with `sentiment login`, or set SENTIMENT_TOKEN to a token of `sentiment people add`: {problem}"""

    retryable = False


class LoginRefused(NotSignedIn):
    """You are not signed in: {problem}"""


class LedgerBroken(SentimentError):
    """The ledger does not verify: {problem}"""

    retryable = False


class ErasureFailed(SentimentError):
    """Requests to forget that could not be carried out, while the others were: {problem}"""


class SignatureRefused(SentimentError):
    """The signature of {what} does not verify: {problem}"""

    retryable = False


class RecordForged(SentimentError):
    """{problem}: somebody else than the platform wrote it, and nothing is done with it. See `sentiment verify`"""

    retryable = False


class SigningKeyMissing(SentimentError):
    """Nothing can be signed with the keys in {folder}: {problem}"""

    retryable = False


class TombstoneKeyMissing(SentimentError):
    """Forgotten tweets cannot be recognised with the key in {path}: {problem}. Restore the file from a backup"""

    retryable = False


class PortTaken(SentimentError):
    """Port {port} for {component} is taken{by}. Free it, or choose another with {option} or {variable}"""


class Busy(SentimentError):
    """Another command holds the {what} and waits for the model registry: try again in a minute"""


class TooSlow(SentimentError):
    """The search took too long and was ended: choose fewer days, or other words"""


class RegistryUnavailable(SentimentError):
    """The model registry at {uri} does not respond: {problem}"""


class MoveUnfinished(SentimentError):
    """The move to version {version} is recorded and not finished; `sentiment reconcile` finishes it. {problem}"""


class BackupFailed(SentimentError):
    """The backup or restore of {what} failed: {problem}"""


class BackupRefused(SentimentError):
    """Nothing was restored from {backup}: {problem}"""

    retryable = False


class StackNotRunning(SentimentError):
    """The stack is not running: `sentiment up`"""


class StackStarting(SentimentError):
    """The stack is starting, not ready yet: try again when `sentiment status` says up"""


class DatabaseStarting(SentimentError):
    """The database is starting: after a crash it first replays its log. Try again in a minute; `sentiment status`"""


class StackFailed(SentimentError):
    """{component} did not become healthy: {problem}. See {log}"""
