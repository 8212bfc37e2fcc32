"""Whether past drift did harm, decided by labels that came later: harmless drift enters the effect floors."""

from __future__ import annotations

from datetime import timedelta

from sentiment_lib.drift.severity import is_harmless, quality_loss
from sentiment_lib.records import Window
from sentiment_lib.settings import Settings
from sentiment_lib.steps.monitoring import drift_reference
from sentiment_lib.storage import past_drift_checks
from sentiment_lib.storage.engine import Store

#: Labels are awaited for so long.
LOOK_BACK = timedelta(weeks=4)


def run(store: Store, settings: Settings, current: Window) -> list[int]:
    """Decide the open questions that end before `current`; returns the reports whose drift did no harm.

    Drift did no harm when the upper bound of the measured loss of macro-F1 is below `drift.quality_loss`, and it did
    when the lower bound is above 0; between the two the question stays open.
    """
    policy = settings.policy.drift
    with store.begin() as connection:
        questions = past_drift_checks.open_questions(connection, current.end - LOOK_BACK, current.start)
    harmless = []
    for question in questions:
        with store.begin() as connection:
            chosen = drift_reference.choose_windows(connection, question.current, policy)
            frames = drift_reference.read_frames(connection, chosen, question.current, question.model_version, settings)
        loss = quality_loss(frames.quality, frames.current, policy)
        if loss.by != "measured" or loss.loss is None or loss.low is None or loss.high is None:
            continue
        without_harm = is_harmless(loss, policy)
        if not without_harm and loss.low <= 0:
            continue
        with store.begin() as connection:
            past_drift_checks.add_outcome(
                connection,
                question.report_id,
                harmless=without_harm,
                loss=loss.loss,
                low=loss.low,
                high=loss.high,
            )
        if without_harm:
            harmless.append(question.report_id)
    return harmless
