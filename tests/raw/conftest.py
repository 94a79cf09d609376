"""A small installation: landing, warehouse and two sites in a temporary folder."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from perso_pipeline.contracts.sites import Site, Sites
from perso_pipeline.raw.load import load_nights
from perso_pipeline.raw.report import LoadReport
from tests.open_warehouse import OpenWarehouse

NIGHT = date(2026, 1, 2)
KEY = b"a key of the tests"
SITES = Sites(
    sites=[
        Site(id="uk", name="UK", timezone="Europe/London", currency="GBP"),
        Site(id="la", name="LA", timezone="America/Los_Angeles", currency="USD"),
    ]
)


@dataclass
class Installation:
    folder: Path

    @cached_property
    def warehouse(self) -> OpenWarehouse:
        (self.folder / "warehouse").mkdir()
        return OpenWarehouse(self.folder / "warehouse" / "perso.duckdb")

    @property
    def landing(self) -> Path:
        return self.folder / "landing"

    def deliver(self, stream: str, name: str, content: bytes | str, night: date = NIGHT) -> Path:
        path = self.landing / stream / night.isoformat() / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def deliver_json(
        self, stream: str, records: Iterable[Mapping[str, Any] | str], name: str = "a.jsonl", night: date = NIGHT
    ) -> Path:
        lines = [r if isinstance(r, str) else json.dumps(r) for r in records]
        return self.deliver(stream, name, "".join(f"{line}\n" for line in lines), night)

    def load(self, *streams: str, first: date = NIGHT, last: date | None = None, sites: Sites = SITES) -> LoadReport:
        return load_nights(
            self.warehouse, landing_dir=self.landing, sites=sites, first=first, last=last or first, hash_key=KEY,
            streams=streams or None,
        )  # fmt: skip

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.warehouse.connect(read_only=True) as connection:
            return connection.execute(sql, list(values)).fetchall()

    def reasons(self) -> list[str]:
        return [reason for (reason,) in self.rows("select reason from raw.rejected_records order by file, line")]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(tmp_path)
    yield installation
    installation.warehouse.close()


def view(**changes: Any) -> dict[str, Any]:
    """A storefront event that is accepted, unless ``changes`` break it; a change to ... leaves the field out."""
    record: dict[str, Any] = {
        "event_id": "e1", "event_type": "page_view", "occurred_at": "2026-01-01T12:00:00Z", "site_id": "uk",
        "visitor_id": "v1",
    }  # fmt: skip
    return {name: value for name, value in (record | changes).items() if value is not ...}
