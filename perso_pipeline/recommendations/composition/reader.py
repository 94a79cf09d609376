"""Reading what is the same for all parts: shared lists, and who made the candidates."""

from collections.abc import Mapping
from datetime import date

import pyarrow as pa

from perso_pipeline.contracts.warehouse import Value, Warehouse
from perso_pipeline.recommendations.candidates import MAKERS, shared_sql
from perso_pipeline.recommendations.composition.candidates import Maker, Shared, shared_lists
from perso_pipeline.recommendations.composition.catalogue import NUMBERED_ITEMS, Catalogue
from perso_pipeline.recommendations.levels import Source


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
        self.makers: tuple[Maker, ...] = tuple(
            (row["model"], str(row["version"])) for row in warehouse.query(MAKERS, {"night": night}).to_pylist()
        )

    def shared(self, source: Source) -> Shared:
        """The lists of a shared source, for all parts."""
        found = self._shared.get(source)
        if found is None:
            statement = f"with {NUMBERED_ITEMS} {shared_sql(source)}"
            rows = self.query(statement, {**self._weights, "submodel": source.submodel})
            found = self._shared[source] = shared_lists(rows, self.catalogue)
        return found

    def exists(self, table: str) -> bool:
        """Whether the warehouse has ``schema.name``."""
        return self._warehouse.exists(table)

    def query(self, statement: str, parameters: Mapping[str, Value]) -> pa.Table:
        """With ``$night`` and those of the parameters that the statement names: DuckDB refuses any more."""
        whole = {"night": self._night, **parameters}
        return self._warehouse.query(statement, {k: v for k, v in whole.items() if f"${k}" in statement})
