"""Options that state the form of a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sentiment_lib.errors import BadInput
from sentiment_lib.sources.presets import Preset
from sentiment_lib.sources.values import EPOCHS, to_iso, trim

SEPARATOR_NAMES = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";"}
Convert = Callable[[str], str]


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """Stated form of a file; what is None or empty is detected."""

    #: one character, or "tab"
    separator: str | None = None
    #: as Python names it
    encoding: str | None = None
    #: IANA name of the zone of dates without one
    zone: str | None = None
    #: strptime format, "epoch" or "epoch_ms"
    date_format: str | None = None
    #: label as written → label, "" for none
    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.separator is not None and len(self.separator_character or "") != 1:
            raise BadInput(what=f"--separator {self.separator!r}", problem="it is one character, or tab")
        try:
            "".encode(self.encoding or "utf-8")
        except LookupError as error:
            raise BadInput(
                what=f"--encoding {self.encoding!r}", problem="write it as in utf-8, cp1252 or shift_jis"
            ) from error
        try:
            ZoneInfo(self.zone or "UTC")
        except (ZoneInfoNotFoundError, ValueError) as error:
            problem = "write it as in Europe/Paris or America/Los_Angeles"
            raise BadInput(what=f"--zone {self.zone!r}", problem=problem) from error
        if self.date_format and self.date_format not in EPOCHS and "%" not in self.date_format:
            problem = "it is a form like %d/%m/%Y %H:%M, or epoch or epoch_ms"
            raise BadInput(what=f"--date-format {self.date_format!r}", problem=problem)

    @property
    def separator_character(self) -> str | None:
        """The separator itself."""
        return SEPARATOR_NAMES.get(self.separator, self.separator) if self.separator else None

    def converters(self, preset: Preset) -> dict[str, Convert]:
        """Field → conversion of its cells before validation."""
        converters: dict[str, Convert] = {}
        if preset.date is not None:
            converters["created_at"] = preset.date
        if self.zone or self.date_format:
            zone, date_format = ZoneInfo(self.zone) if self.zone else None, self.date_format
            converters["created_at"] = converters["labelled_at"] = lambda cell: to_iso(cell, zone, date_format)
        if preset.labels:
            # 4.0 is 4: a column of numbers with empty cells becomes floats in many tools; SemEval has "positive"
            converters["label"] = lambda cell: preset.labels.get(
                trim(cell).casefold().strip('"').removesuffix(".0"), cell.strip('"')
            )
        if preset.text is not None:
            converters["text"] = preset.text
        return converters
