"""Reading what is the same for all parts: shared lists, and who made the candidates."""

import re
from collections.abc import Mapping
from datetime import date
from threading import Lock

import pyarrow as pa

from perso_pipeline.contracts.warehouse import NO_TABLES, Value, Warehouse
from perso_pipeline.interactions.carts import CARTS, IDENTITIES
from perso_pipeline.recommendations.candidates import MAKERS, shared_sql
from perso_pipeline.recommendations.composition.candidates import Maker, Shared, shared_lists
from perso_pipeline.recommendations.composition.catalogue import Catalogue
from perso_pipeline.recommendations.levels import Source, Subject
from perso_pipeline.recommendations.subjects import OPEN_CARTS, Part


class Reader:
    """Asks the warehouse, shared lists once each.

    ``makers`` are model and version of the champions, in the order of their numbers.
    """

    def __init__(
        self, warehouse: Warehouse, catalogue: Catalogue, *, night: date, weights: Mapping[str, Value]
    ) -> None:
        self._warehouse = warehouse
        self._night = night
        self._weights = weights
        self.catalogue = catalogue
        self._shared: dict[Source, Shared] = {}
        self._carts: dict[int, pa.Table] = {}
        self._reading = Lock()  # two parts that ask for the same read it once
        self.makers: tuple[Maker, ...] = tuple(
            (row["model"], str(row["version"])) for row in warehouse.query(MAKERS, {"night": night}).to_pylist()
        )

    def shared(self, source: Source) -> Shared:
        """The lists of a shared source, for all parts."""
        with self._reading:
            found = self._shared.get(source)
            if found is None:
                rows = self.query(shared_sql(source), {**self._weights, "submodel": source.submodel})
                found = self._shared[source] = shared_lists(rows, self.catalogue)
            return found

    def exists(self, table: str) -> bool:
        """Whether the warehouse has ``schema.name``."""
        return self._warehouse.exists(table)

    def open_carts(self, part: Part) -> dict[str, pa.Table]:
        """``open_carts`` for the statements of a part of carts; they are worked out once for all parts."""
        if part.subject is not Subject.CART:
            return {}
        with self._reading:
            if part.cart_days not in self._carts:
                bound = {"cart_days": part.cart_days}
                self._carts[part.cart_days] = self.query(f"with {IDENTITIES}, {CARTS} {OPEN_CARTS}", bound)
            return {"open_carts": self._carts[part.cart_days]}

    def query(
        self, statement: str, parameters: Mapping[str, Value], tables: Mapping[str, pa.Table] = NO_TABLES
    ) -> pa.Table:
        """With ``$night``, ``numbered_items`` and those of parameters and tables that the statement names.

        DuckDB refuses any more parameters, and each table costs.
        """
        values = {"night": self._night, **parameters}
        rows = {"numbered_items": self.catalogue.numbered, **tables}
        return self._warehouse.query(
            statement,
            {name: value for name, value in values.items() if f"${name}" in statement},
            {name: table for name, table in rows.items() if re.search(rf"\b{name}\b", statement)},
        )
