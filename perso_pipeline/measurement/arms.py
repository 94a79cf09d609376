"""Both arms of a cell: rows of ``measurement.lift_moments`` added up, in one currency, small cells together.

Moments in, moments out. Keep estimators in ``inference`` and ``effects``, words in ``lift_table``.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from perso_pipeline.measurement.inference.moments import Moments, PairMoments

Row = Mapping[str, Any]

ARMS = ("treatment", "control")
OTHERS = "other"

_POWER_OF_MONEY = {
    "net": 1, "mixed_net": 1, "capped_net": 1, "orders_times_net": 1, "earlier_net": 1,
    "net_squared": 2, "capped_net_squared": 2, "earlier_net_squared": 2, "net_times_earlier_net": 2,
    "capped_net_times_earlier_net": 2,
}  # fmt: skip


@dataclass(frozen=True)
class Arms:
    """Both arms of one cell of one experiment on one site, or of several cells or sites together.

    ``pooled``: names of the cells that are in it, where they are several.
    """

    rows: Sequence[Row]
    pooled: tuple[str, ...] = ()

    def units(self, variant: str) -> int:
        return self.count("units", variant)

    def count(self, column: str, variant: str | None = None) -> int:
        return sum(row[column] for row in self._of(variant))

    def least(self, column: str) -> int:
        """The count of the arm that has fewer."""
        return min(self.count(column, variant) for variant in ARMS)

    def moments(self, variant: str, column: str) -> Moments:
        """Of a sum and its sum of squares; an indicator (``ordering_units``) is its own square."""
        squares = column if column.endswith("_units") else f"{column}_squared"
        parts = [Moments.of(row["units"], row[column], row[squares]) for row in self._of(variant)]
        return sum(parts, Moments.of(0, 0, 0))

    def pairs(self, variant: str, first: str, second: str, products: str) -> PairMoments:
        product = sum((Fraction(row[products]) for row in self._of(variant)), Fraction(0))
        return PairMoments(self.moments(variant, first), self.moments(variant, second), product)

    @property
    def currencies(self) -> list[str]:
        found = {row[column] for row in self.rows for column in ("first_currency", "last_currency")}
        return sorted(found - {None})

    @property
    def first_assigned_date(self) -> date | None:
        return min((row["first_assigned_date"] for row in self.rows), default=None)

    def _of(self, variant: str | None) -> list[Row]:
        return [row for row in self.rows if variant in (None, row["variant"])]


def together(rows: Sequence[Row], rates: Mapping[str, Fraction], currency: str | None) -> list[Row]:
    """Rows of several sites in ``currency``, where they have several currencies and each has a rate; else as they are.

    One rate per currency brings sums and squares over exactly.
    """
    found = Arms(rows).currencies
    is_one_each = all(row["first_currency"] == row["last_currency"] for row in rows)
    if currency is None or len(found) < 2 or not is_one_each:
        return list(rows)
    worth = {**rates, currency: Fraction(1)}
    if not worth.keys() >= set(found):
        return list(rows)
    return [_converted(row, worth.get(row["first_currency"], Fraction(1)), currency) for row in rows]


def cells(rows: Iterable[Row], *, least_ordering: int) -> dict[str, Arms]:
    """Cell to its arms, by name; those in which fewer than ``least_ordering`` of an arm ordered are one together."""
    by_cell: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_cell[row["cell"]].append(row)
    found = {cell: Arms(parts) for cell, parts in sorted(by_cell.items())}
    small = [cell for cell, arms in found.items() if arms.least("ordering_units") < least_ordering]
    if len(small) < 2:
        return found
    large = {cell: arms for cell, arms in found.items() if cell not in small}
    return {**large, OTHERS: Arms([row for cell in small for row in found[cell].rows], tuple(small))}


def strata(rows: Iterable[Row], *, least_units: int) -> list[Arms] | None:
    """Cells as strata, the small ones as one; None where even that one has an arm of fewer than two."""
    by_cell: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_cell[row["cell"]].append(row)
    found = [Arms(parts) for _, parts in sorted(by_cell.items())]
    small = [arms for arms in found if arms.least("units") < least_units]
    kept = [arms for arms in found if arms.least("units") >= least_units]
    if small:
        kept.append(Arms([row for arms in small for row in arms.rows]))
    return kept if kept and all(arms.least("units") >= 2 for arms in kept) else None


def _converted(row: Row, rate: Fraction, currency: str) -> Row:
    own = {"first_currency": currency, "last_currency": currency}
    money = {name: Fraction(row[name]) * rate**power for name, power in _POWER_OF_MONEY.items()}
    return {**row, **own, **money}
