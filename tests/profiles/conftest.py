from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from perso_pipeline.contracts.config_files import read_config
from perso_pipeline.profiles.config import ProfilesConfig
from perso_pipeline.profiles.predictions.config import PredictionsConfig
from perso_pipeline.profiles.settings_table import settings_table
from perso_pipeline.resources.warehouse import DuckDBWarehouse
from tests.conftest import MadeOnce
from tests.dbt_builds import build
from tests.open_warehouse import OpenWarehouse

PROJECT = Path(__file__).resolve().parents[2]
FACTS = [
    "active_days", "visit_days", "site_amounts", "person_totals", "visit_totals", "statement_totals", "catalog_checkpoints",
]  # fmt: skip
PROFILES = "path:models/profiles"


def write_settings(path: Path, *nights: str) -> None:
    config = read_config(PROJECT / "config/profiles.yml", ProfilesConfig)
    for night in map(date.fromisoformat, nights):
        DuckDBWarehouse(path).write_partition("profiles.settings", settings_table(config, night), {"night": night})


@pytest.fixture(scope="session")
def profiled(made_once: MadeOnce) -> DuckDBWarehouse:
    """The hand-made shop of tests/measurement with the profile tables of the nights 10 and then 4. Read only."""

    def fill(folder: Path) -> None:
        path = folder / "perso.duckdb"
        with duckdb.connect(str(path)) as connection:
            for script in ("tests/measurement/hand_made_shop.sql", "tests/profiles/hand_made_additions.sql"):
                connection.execute((PROJECT / script).read_text(encoding="utf-8"))
        write_settings(path, "2026-01-10", "2026-01-04")
        build(path, *FACTS)
        build(path, PROFILES, night="2026-01-10", unit_tests=True)
        build(path, PROFILES, night="2026-01-04")

    return DuckDBWarehouse(made_once("profiled", fill) / "perso.duckdb")


_PERSON_DAYS = (
    "site_id varchar, identifier varchar, event_date date, known_on date, events bigint, product_views bigint, "
    "cart_adds bigint, searches bigint, wish_list_adds bigint, orders bigint, units bigint, gross decimal(18,4), "
    "discount decimal(18,4), net decimal(18,4)"
)
_SESSION_EVENTS = (
    "site_id varchar, identifier varchar, occurred_at timestamp, event_date date, event_type varchar, item_id varchar, "
    "is_robot boolean, known_on date"
)
_IDENTITY_MAP = "identifier varchar, identifier_type varchar, person_id varchar, known_on date, void_on date"


class Facts:
    """Rows of the facts that predictions read, put down by hand."""

    def __init__(self, path: Path) -> None:
        self.warehouse = OpenWarehouse(path)
        self.days: list[tuple] = []
        self.events: list[tuple] = []
        self.links: dict[tuple[str, str], tuple] = {}

    def day(self, person: str, day: date, *, orders=0, gross=0.0, views=0, known_on=None, site="shop-uk") -> None:
        """One row of person_days of a customer who stands for themselves."""
        self.link(f"customer:{person}", person)
        self.days.append(
            (site, f"customer:{person}", day, known_on or day, views, views, 0, 0, 0, orders, orders, gross, 0.0, gross)
        )

    def event(self, person: str, at: datetime, event_type: str, *, item="i1", known_on=None, site="shop-uk") -> None:
        self.link(f"customer:{person}", person)
        self.events.append((site, f"customer:{person}", at, at.date(), event_type, item, False, known_on or at.date()))

    def link(self, identifier: str, person: str, known_on=date(2020, 1, 1), void_on=None) -> None:
        self.links.setdefault((identifier, person), (identifier, "customer", person, known_on, void_on))

    def write(self, *nights: date) -> OpenWarehouse:
        """Write the facts, and profiles of everybody for the given nights."""
        tables = {
            "interactions.person_days": (_PERSON_DAYS, self.days),
            "interactions.session_events": (_SESSION_EVENTS, self.events),
            "identity.identity_map": (_IDENTITY_MAP, list(self.links.values())),
        }
        with self.warehouse.transaction() as connection:
            for table, (columns, rows) in tables.items():
                connection.execute(f"create schema if not exists {table.split('.')[0]}")
                connection.execute(f"create or replace table {table} ({columns})")
                names = [column.split()[0] for column in columns.replace("(18,4)", "").split(", ")]
                frame = pa.table({n: [row[i] for row in rows] for i, n in enumerate(names)}) if rows else None
                if frame is not None:
                    connection.register("rows_by_hand", frame)
                    connection.execute(f"insert into {table} by name from rows_by_hand")
            connection.execute("create schema if not exists profiles")
            connection.execute(
                "create or replace table profiles.customer_profiles (night date, site_id varchar, person_id varchar)"
            )
            for night in nights:
                connection.execute(
                    "insert into profiles.customer_profiles select distinct ?::date, d.site_id, m.person_id "
                    "from interactions.person_days d join identity.identity_map m using (identifier) "
                    "where d.known_on <= ?::date and m.known_on <= ?::date "
                    "and (m.void_on is null or m.void_on > ?::date)",
                    [night] * 4,
                )
        return self.warehouse


@pytest.fixture
def facts(tmp_path: Path) -> Iterator[Facts]:
    facts = Facts(tmp_path / "facts.duckdb")
    yield facts
    facts.warehouse.close()


@pytest.fixture(scope="session")
def predictions_config() -> PredictionsConfig:
    return read_config(PROJECT / "config" / "predictions.yml", PredictionsConfig)
