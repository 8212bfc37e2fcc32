"""The pictures of a replay: quality by number of trainings, freshness alone, cost by price, heat map and timelines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup, escape

from sentiment_lib.steps.replay.svg import Panel


def number_policies(results: Sequence[dict[str, Any]]) -> dict[str, tuple[int, str]]:
    """Give the policies their numbers, the same in all results; name -> (number, title)."""
    numbered: dict[str, tuple[int, str]] = {}
    for result in results:
        for policy in result["comparison"]["policies"]:
            name, following = policy["run"]["policy"], len(numbered) + 1
            policy["number"] = numbered.setdefault(name, (following, policy["title"]))[0]
    return numbered


def quality(result: dict[str, Any]) -> Markup:
    """(a) Accuracy against the number of trainings: all schedules as a band, oracle and calendar as lines."""
    lines, policies = result["comparison"]["lines"], result["comparison"]["policies"]
    values = [100 * value for line in lines for value in (*line["schedules"], line["oracle"])]
    values += [100 * policy["quality"]["by_block"]["accuracy"] for policy in policies]
    panel = Panel(
        x_range=(0, max(line["trainings"] for line in lines)),
        y_range=(min(values) - 0.5, max(values) + 0.5),
        x_title="trainings",
        y_title="accuracy, %",
    )
    xs = [line["trainings"] for line in lines]
    panel.band(xs, [100 * line["schedules"][0] for line in lines], [100 * line["schedules"][2] for line in lines])
    panel.line(xs, [100 * line["oracle"] for line in lines], "oracle", "best plan in hindsight")
    panel.line(xs, [100 * line["half_split"] for line in lines], "half", "plan of one half, scored on the other")
    even = [line for line in lines if line["calendar"] is not None]
    panel.line([line["trainings"] for line in even], [100 * line["calendar"] for line in even], "calendar", "calendar")
    for policy in policies:
        x, y = len(trainings(policy)), 100 * policy["quality"]["by_block"]["accuracy"]
        if policy["against_calendar"] and policy["run"]["gated"]:
            low, high = policy["against_calendar"]["intervals"]["2"]
            centre = policy["against_calendar"]["value"]
            panel.error_bar(x, y + 100 * (low - centre), y + 100 * (high - centre))
        panel.point(x, y, policy["number"], _title(policy), hollow=not policy["run"]["gated"])
    return panel.render("Accuracy against the number of trainings")


def freshness(result: dict[str, Any]) -> Markup | None:
    """(b) The same with as many labels for every training as the first one had: what is left is freshness."""
    policies = [one for one in result["comparison"]["policies"] if one["freshness"]]
    if not policies:
        return None
    bounds = [100 * bound for one in policies for bound in one["freshness"]["intervals"]["2"]]
    most = max(len(trainings(one)) for one in policies)
    panel = Panel(
        x_range=(0, max(most, 1)),
        y_range=(min([*bounds, 0.0]) - 0.3, max([*bounds, 0.0]) + 0.3),
        x_title="trainings",
        y_title="gain over never, points",
    )
    panel.line([0, max(most, 1)], [0, 0], "calendar", "no gain")
    for one in policies:
        x, estimate = len(trainings(one)), one["freshness"]
        if one["run"]["gated"]:
            panel.error_bar(x, *(100 * bound for bound in estimate["intervals"]["2"]))
        panel.point(x, 100 * estimate["value"], one["number"], _title(one), hollow=not one["run"]["gated"])
    return panel.render("Gain over never with as many labels for every training")


def cost(result: dict[str, Any]) -> Markup:
    """(c) Errors and trainings together, by the price of a training: policies as lines, the best plan as envelope."""
    lines, policies = result["comparison"]["lines"], result["comparison"]["policies"]
    prices = [float(price) for price in policies[0]["money"]]
    top = max(prices)
    gated = [policy for policy in policies if policy["run"]["gated"]]
    steps = [top * number / 40 for number in range(41)]
    envelope = [min(line["errors"] + price * line["trainings"] for line in lines) for price in steps]
    ends = {id(one): [one["money"][f"{prices[0]:g}"] - prices[0] * len(trainings(one))] for one in gated}
    for one in gated:
        ends[id(one)].append(ends[id(one)][0] + top * len(trainings(one)))
    every = [value for pair in ends.values() for value in pair] + envelope
    panel = Panel(
        x_range=(0, top),
        y_range=(min(every) * 0.98, min(max(every), 2.2 * min(every))),
        x_title="errors that a training is worth",
        y_title="errors + price of trainings",
    )
    panel.line(steps, envelope, "oracle", "best plan in hindsight")
    limit = panel.y_range[1]
    for one in gated:
        first, last = ends[id(one)]
        x_end = top if last <= limit else top * (limit - first) / ((last - first) or 1)
        panel.line([0, x_end], [first, min(last, limit)], "policy", _title(one))
        panel.point(x_end, min(last, limit), one["number"], _title(one), hollow=False)
    return panel.render("Cost by the price of a training")


def heat_map(result: dict[str, Any], policy: dict[str, Any]) -> Markup:
    """Accuracy of each model on each later block, darker is better; the path of one policy has an outline."""
    matrix = result["comparison"]["matrix"]
    known = [value for row in matrix for value in row if value is not None]
    low, high = min(known), max(known)
    size = 460 // max(len(matrix[0]), 8)
    path = set(enumerate(policy["run"]["serving"], result["start"] + 1))
    cells = []
    for model, row in enumerate(matrix):
        for block, value in enumerate(row):
            if value is None:
                continue
            kind = "path" if (block, model) in path else "cell"
            strength = (value - low) / ((high - low) or 1)
            cells.append(
                f'<rect class="{kind}" x="{60 + block * size}" y="{20 + model * size}" '
                f'width="{size - 1}" height="{size - 1}" '
                f'fill="hsl(215 60% {92 - 55 * strength:.0f}%)">'
                f"<title>model {model} on block {block}: {100 * value:.1f} %</title></rect>"
            )
    width, height = 70 + len(matrix[0]) * size, 30 + len(matrix) * size
    return Markup(  # noqa: S704 (numbers only)
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="Accuracy by model and block">'
        f'<text class="axis" x="60" y="13">block →</text><text class="axis" x="4" y="34">model ↓</text>'
        f"{''.join(cells)}</svg>"
    )


def timeline(result: dict[str, Any], policy: dict[str, Any]) -> Markup:
    """Blocks from left to right: promoted trainings full, others hollow, the serving model as a step."""
    count = len(result["blocks"])
    width = 300
    step = width / count
    marks = []
    for event in policy["run"]["events"]:
        kind = "full" if event["promoted"] else "hollow" if event["outcome"] == "trained" else "refused"
        what = f"block {event['block']}: {event['reason']}; {event['answer'] or event['outcome']}"
        if event["failed"]:
            what += f" ({', '.join(event['failed'])})"
        marks.append(
            f"<g><title>{escape(what)}</title>"
            f'<circle class="{kind}" cx="{(event["block"] + 1) * step:.1f}" cy="9" r="4"/></g>'
        )
    return Markup(  # noqa: S704 (every text in it is escaped)
        f'<svg class="timeline" viewBox="0 0 {width + 6} 18" role="img" aria-label="trainings in time">'
        f'<line class="grid" x1="0" x2="{width}" y1="9" y2="9"/>{"".join(marks)}</svg>'
    )


def trainings(policy: dict[str, Any]) -> list[int]:
    """Blocks at whose end the policy trained."""
    return [event["block"] for event in policy["run"]["events"] if event["outcome"] == "trained"]


def promotions(policy: dict[str, Any]) -> list[int]:
    """Blocks at whose end a trained model was promoted."""
    return [event["block"] for event in policy["run"]["events"] if event["promoted"]]


def _title(policy: dict[str, Any]) -> str:
    gate = "with the gate" if policy["run"]["gated"] else "without the gate"
    return f"{policy['title']}, {gate}: {100 * policy['quality']['by_block']['accuracy']:.2f} %"
