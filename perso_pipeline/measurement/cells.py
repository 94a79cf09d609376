"""Sums of money by site and currency, and where two of them differ. What is summed: the ``reconcile*`` modules."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from perso_pipeline.contracts.warehouse import Warehouse

Cells = Mapping[tuple[str, str], Mapping[str, Decimal]]
"""Figures by name, by (site, currency)."""


@dataclass(frozen=True)
class Difference:
    """A figure that is not the same on both sides."""

    table: str
    ledger: str
    site_id: str
    currency: str
    figure: str
    reported: Decimal
    moved: Decimal

    def __str__(self) -> str:
        return (
            f"{self.table}: {self.figure} of {self.site_id} in {self.currency} is {self.reported:,}, "
            f"{self.ledger} has {self.moved:,} (difference {self.reported - self.moved:+,})"
        )


def read_cells(warehouse: Warehouse, query: str, night: date, figures: tuple[str, ...]) -> Cells:
    """The figures of a query with the columns ``site_id`` and ``currency`` and the parameter ``$night``."""
    rows = warehouse.query(query, {"night": night}).to_pylist()
    return {(row["site_id"], row["currency"]): {name: _known(row[name]) for name in figures} for row in rows}


def read_cells_by(
    warehouse: Warehouse, query: str, night: date, figures: tuple[str, ...], *, by: str
) -> Mapping[str, Cells]:
    """The same for each value of a further column."""
    found: dict[str, dict[tuple[str, str], dict[str, Decimal]]] = {}
    for row in warehouse.query(query, {"night": night}).to_pylist():
        cell = {name: _known(row[name]) for name in figures}
        found.setdefault(row[by], {})[row["site_id"], row["currency"]] = cell
    return found


def differences(table: str, ledger: str, reported: Cells, moved: Cells, figures: tuple[str, ...]) -> list[Difference]:
    """Every figure that is not the same; a cell that one side lacks counts as nothing there."""
    nothing = dict.fromkeys(figures, Decimal(0))
    return [
        Difference(table, ledger, *cell, figure, left, right)
        for cell in sorted({*reported, *moved})
        for figure in figures
        if (left := reported.get(cell, nothing)[figure]) != (right := moved.get(cell, nothing)[figure])
    ]


def _known(value: Decimal | int | None) -> Decimal:
    return Decimal(0) if value is None else Decimal(value)  # no cost known in a cell adds nothing
