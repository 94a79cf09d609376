"""Filled slots, and where their items come from: what ``lists`` hands to ``exploring`` and ``rows``."""

from dataclasses import dataclass

from perso_pipeline.recommendations.composition.pairs import Indices
from perso_pipeline.recommendations.composition.ranking import Offer
from perso_pipeline.recommendations.composition.rules import AnyRule


@dataclass(frozen=True, slots=True)
class OfferedPart:
    """A source as a level, or a promotion, asked it."""

    level: int
    strategy: str
    offer: Offer
    rule: AnyRule | None = None


@dataclass(frozen=True, slots=True)
class Slots:
    """Filled slots whose items come from the same offers.

    Attributes:
        subject, rank, item: Of each slot; rank from 1 without gaps.
        part: Position in ``parts``, or ``PIN_PART``.
        entry: Entry of that part's offer, or the number of the pin.
        parts: What offered.
    """

    subject: Indices
    rank: Indices
    item: Indices
    part: Indices
    entry: Indices
    parts: tuple[OfferedPart, ...]
