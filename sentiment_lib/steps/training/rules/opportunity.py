"""What waiting has cost since the last snapshot, by the forecast that twice the labels make fewer errors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from sentiment_lib.evaluation.opportunity_cost import Period, opportunity_cost
from sentiment_lib.policy import RetrainPolicy
from sentiment_lib.storage import daily_sentiment, labels, model_versions, snapshots


class Opportunity:
    """Request a retrain once waiting has cost as many errors as a retrain is worth (`retrain.price_errors`).

    The rule of the replay lab of the same name; its periods are the days after that of the last snapshot.
    """

    name = "opportunity"

    def reason(self, connection: Connection, policy: RetrainPolicy, at: datetime) -> str | None:
        """The forecast errors, and the tweets, days and labels behind them."""
        frozen_at, champion = snapshots.last_created_at(connection), model_versions.champion(connection)
        if frozen_at is None or champion is None:
            return None
        last = snapshots.newest(connection, limit=1)[0]
        first = frozen_at.astimezone(UTC).date() + timedelta(days=1)
        trained_on = last.train_rows + last.holdout_rows
        tweets = daily_sentiment.tweets_by_day(connection, champion.version, first, at.astimezone(UTC).date())
        new = labels.labelled_by_day(connection, frozen_at)
        periods = [
            Period(tweets=count, labels=trained_on + sum(labelled for then, labelled in new.items() if then <= day))
            for day, count in tweets.items()
        ]
        loss = opportunity_cost(trained_on, periods, policy.gain_per_doubling)
        if loss < policy.price_errors:
            return None
        return (
            f"waiting has cost {loss:.0f} errors by the forecast, and a retrain is worth {policy.price_errors:g}: "
            f"{sum(tweets.values()):,} tweets on {len(tweets)} days, and {sum(new.values()):,} labels beyond the "
            f"{trained_on:,} of snapshot {last.snapshot_id}, twice as many saving "
            f"{100 * policy.gain_per_doubling:g} errors in 100 tweets"
        )
