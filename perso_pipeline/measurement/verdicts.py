"""The decision in a word: better, worse, no difference larger than x, not enough data, broken, not estimable.

Whoever reads the tables looks every night, so the word follows the interval that holds at every look, and for cells the
share of false discoveries. Keep numbers out.
"""

from dataclasses import dataclass
from typing import Literal

from perso_pipeline.measurement.config import MeasurementConfig
from perso_pipeline.measurement.effects import Effect
from perso_pipeline.measurement.inference.moments import NotEstimable

Word = Literal["better", "worse", "no difference larger than x", "not enough data", "broken", "not estimable"]
WORDS: tuple[Word, ...] = (
    "better",
    "worse",
    "no difference larger than x",
    "not enough data",
    "broken",
    "not estimable",
)


@dataclass(frozen=True)
class Verdict:
    """The word and, where it needs one, the sentence behind it; x stands there."""

    word: Word
    reason: str | None


def verdict(
    found: Effect | NotEstimable, *, broken: str | None, q_value: float | None, config: MeasurementConfig
) -> Verdict:
    """Say what may be decided.

    Args:
        found: The effect, or why there is none.
        broken: Why nothing may be said whatever the numbers are, if so.
        q_value: Of a cell, its share of false discoveries; None of a total.
        config: What matters and what may be by chance.
    """
    if broken:
        return Verdict("broken", broken)
    if isinstance(found, NotEstimable):
        return Verdict("not enough data" if found.is_too_few else "not estimable", found.reason)
    is_shown = found.sequence_low > 0 or found.sequence_high < 0
    if is_shown if q_value is None else q_value <= config.false_discoveries:
        return Verdict("better" if found.estimate.difference > 0 else "worse", None)
    if isinstance(found.relative_sequence, NotEstimable):
        return Verdict("not enough data", found.relative_sequence.reason)
    largest = max(abs(found.relative_sequence.low), abs(found.relative_sequence.high))
    if largest <= config.relevant_effect:
        return Verdict("no difference larger than x", f"It is no larger than {largest:.1%} either way.")
    if is_shown:
        return Verdict("not enough data", "Alone it would be a finding; among so many cells it may be by chance.")
    return Verdict(
        "not enough data",
        f"It may be anything from {found.relative_sequence.low:+.1%} to {found.relative_sequence.high:+.1%}.",
    )
