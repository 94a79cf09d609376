"""A small warehouse with interactions and an identity map, and the settings of config/models.yml."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse

from perso_pipeline.contracts.config_files import read_config
from perso_pipeline.models.config import ModelsConfig
from perso_pipeline.models.evidence import Evidence, from_tables
from perso_pipeline.models.past import with_past
from perso_pipeline.models.protocol import KINDS, Catalogue, InteractionMatrix, Journal
from perso_pipeline.models.signals import Signals, from_table, to_day
from perso_pipeline.settings import PROJECT_ROOT
from tests.models.cutting import offer
from tests.open_warehouse import OpenWarehouse

NIGHT = date(2026, 1, 31)


@pytest.fixture(scope="session")
def config() -> ModelsConfig:
    return read_config(PROJECT_ROOT / "config" / "models.yml", ModelsConfig)


@pytest.fixture
def make_matrix(config: ModelsConfig) -> Callable[..., InteractionMatrix]:
    def make(dense: Sequence[Sequence[float]], ages: Sequence[Sequence[int]] | None = None) -> InteractionMatrix:
        """Rows are people p000.., columns items i000..; 0 is no interest; ages default to 1 day.

        Every pair was viewed that many days before, one item a minute, and bought an hour later and again 20 days
        before that, each time with the day's other items. The catalogue calls even and odd items by other words.
        """
        weights = sparse.csr_matrix(np.asarray(dense, dtype=np.float64))
        rows, columns = weights.nonzero()
        age = np.ones(len(rows), dtype=np.int32) if ages is None else np.asarray(ages, dtype=np.int32)[rows, columns]
        daily = sparse.csr_matrix((np.ones(len(rows)), (columns, age)), shape=(weights.shape[1], 400))
        data = InteractionMatrix(
            weights=weights,
            people=np.array([f"p{n:03d}" for n in range(weights.shape[0])]),
            items=np.array([f"i{n:03d}" for n in range(weights.shape[1])]),
            last_age_days=age,
            daily_people=daily,
            as_of=NIGHT + timedelta(days=1),
            fingerprint="test",
            journal=journal_of(rows, columns, age),
            catalogue=catalogue_of(weights.shape[1]),
        )
        return with_past(data, signals_of(data), config.signals, evidence_of(data))

    return make


def journal_of(person: Sequence[int], item: Sequence[int], age: Sequence[int]) -> Journal:
    today = to_day(NIGHT) + 1
    events = []
    for who, what, days in zip(person, item, age, strict=True):
        for back, hour, kind in ((0, 10, 0), (0, 11, 2), (20, 11, 2)):
            day = today - int(days) - back
            minute = int(what) if kind == 0 else 0
            events.append((int(who), day * 86400 + hour * 3600 + minute * 60, int(what), day, kind))
    columns = np.array(sorted(events), dtype=np.int64).reshape(-1, 5)
    return Journal(columns[:, 0], columns[:, 2], columns[:, 3], columns[:, 1], columns[:, 4].astype(np.int8))


def catalogue_of(items: int) -> Catalogue:
    kinds = ["lamp", "chair"]
    return Catalogue(
        text=np.array([f"{kinds[n % 2]} number {n}" for n in range(items)]),
        traits=np.array([f"category=home/{kinds[n % 2]}" for n in range(items)]),
        category=np.array([f"home/{kinds[n % 2]}" for n in range(items)]),
        added_day=to_day(NIGHT) - np.arange(items),
        brand=np.array([["", "Ada", "Bo"][n % 3] for n in range(items)]),
        price=np.array([[np.nan, 5.0, 8.0, 40.0][n % 4] for n in range(items)]),
    )


def signals_of(data: InteractionMatrix) -> Signals:
    """One signal a pair, on its newest day, which is all that a matrix knows of its days."""
    rows, columns = data.weights.nonzero()
    days = to_day(data.as_of) - data.last_age_days
    return from_table(
        pa.table(
            {
                "person_id": pa.array(data.people[rows], pa.string()),
                "item_id": pa.array(data.items[columns], pa.string()),
                "event_date": pa.array(days.astype("datetime64[D]")),
                "weight": data.weights.data,
                "is_relevant": np.ones(len(rows), dtype=bool),
            }
        )
    )


def evidence_of(data: InteractionMatrix) -> Evidence:
    """The matrix's journal and catalogue as tables; everything was known of each item from its first day on."""
    journal, catalogue = data.journal, data.catalogue
    events = pa.table(
        {
            "person_id": pa.array(data.people[journal.person], pa.string()),
            "item_id": pa.array(data.items[journal.item], pa.string()),
            "event_day": journal.day,
            "event_second": journal.second,
            "event_type": pa.array([KINDS[kind] for kind in journal.kind], pa.string()),
        }
    )
    items = pa.table(
        {
            "item_id": pa.array(data.items, pa.string()),
            "from_day": catalogue.added_day,
            "words": pa.array(catalogue.text, pa.string()),
            "brand": pa.array(catalogue.brand, pa.string()),
            "category_paths": pa.array([[path] for path in catalogue.category.tolist()], pa.list_(pa.string())),
            "attributes": pa.nulls(len(data.items), pa.string()),
            "is_deleted": np.zeros(len(data.items), dtype=bool),
            "added_day": catalogue.added_day,
        }
    )
    prices = pa.table(
        {"item_id": items.column("item_id"), "from_day": catalogue.added_day, "price": catalogue.price}
    ).filter(np.isfinite(catalogue.price))
    return from_tables(events, items, prices)


INTERACTIONS = pa.schema(
    [
        ("event_id", pa.string()),
        ("event_date", pa.date32()),
        ("occurred_at", pa.timestamp("us")),
        ("site_id", pa.string()),
        ("identifier", pa.string()),
        ("item_id", pa.string()),
        ("event_type", pa.string()),
        ("is_robot", pa.bool_()),
        ("known_on", pa.date32()),
    ]
)
IDENTITY = pa.schema(
    [("identifier", pa.string()), ("person_id", pa.string()), ("known_on", pa.date32()), ("void_on", pa.date32())]
)


RATINGS = pa.schema(
    [
        ("event_id", pa.string()),
        ("event_date", pa.date32()),
        ("site_id", pa.string()),
        ("event_type", pa.string()),
        ("rating", pa.int64()),
        ("known_on", pa.date32()),
    ]
)
MOVEMENTS = pa.schema(
    [
        ("movement_id", pa.string()),
        ("movement", pa.string()),
        ("movement_date", pa.date32()),
        ("occurred_at", pa.timestamp("us")),
        ("site_id", pa.string()),
        ("identifier", pa.string()),
        ("item_id", pa.string()),
        ("is_goods", pa.bool_()),
        ("known_on", pa.date32()),
    ]
)
CATALOGUE = pa.schema(
    [
        ("event_id", pa.string()),
        ("event_type", pa.string()),
        ("event_date", pa.date32()),
        ("occurred_at", pa.timestamp("us")),
        ("site_id", pa.string()),
        ("item_id", pa.string()),
        ("name", pa.string()),
        ("description", pa.string()),
        ("brand", pa.string()),
        ("category_paths", pa.list_(pa.string())),
        ("price", pa.decimal128(18, 4)),
        ("attributes", pa.string()),
        ("valid_from", pa.timestamp("us")),
        ("known_on", pa.date32()),
    ]
)


class Shop:
    """Collects events and links, then writes them to a warehouse."""

    def __init__(self, path: Path) -> None:
        self.warehouse = OpenWarehouse(path)
        self.events: list[dict[str, object]] = []
        self.links: list[dict[str, object]] = []
        self.offers: list[dict[str, object]] = []
        self.ratings: list[dict[str, object]] = []
        self.movements: list[dict[str, object]] = []

    def event(
        self,
        person: str,
        item: str,
        day: date,
        event_type: str = "product_view",
        *,
        site: str = "shop-uk",
        known_on: date | None = None,
        is_robot: bool = False,
    ) -> None:
        self.events.append(
            {
                "event_id": f"e{len(self.events)}",
                "event_date": day,
                "site_id": site,
                "identifier": f"customer:{person}",
                "item_id": item,
                "event_type": event_type,
                "is_robot": is_robot,
                "known_on": known_on or day,
            }
        )

    def link(self, identifier: str, person: str, known_on: date, void_on: date | None = None) -> None:
        self.links.append({"identifier": identifier, "person_id": person, "known_on": known_on, "void_on": void_on})

    def write(self) -> OpenWarehouse:
        known = {link["identifier"] for link in self.links}
        for identifier in dict.fromkeys(str(e["identifier"]) for e in self.events):
            if identifier not in known:
                self.link(identifier, identifier.removeprefix("customer:"), date(2020, 1, 1))
        with self.warehouse.transaction() as connection:
            for table, rows, schema in (
                ("interactions.interactions", self.events, INTERACTIONS),
                ("identity.identity_map", self.links, IDENTITY),
                ("staging.stg_catalog_items", self.offers, CATALOGUE),
                ("interactions.session_events", self.ratings, RATINGS),
                ("interactions.order_movements", self.movements, MOVEMENTS),
            ):
                connection.register("rows", pa.Table.from_pylist(rows, schema=schema))
                connection.execute(f"create schema if not exists {table.split('.')[0]}")
                connection.execute(f"create or replace table {table} as from rows")
            connection.execute("create schema if not exists segments")
            columns = "night date, site_id varchar, person_id varchar, segment_id varchar"
            connection.execute(f"create table if not exists segments.segment_membership ({columns})")
            connection.execute("create table if not exists segments.segment_catalogue (night date, segment_id varchar)")
        return self.warehouse


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path / "warehouse.duckdb")
    yield shop
    shop.warehouse.close()


@pytest.fixture
def two_tastes(shop: Shop) -> Shop:
    """60 people who each like one half of 20 items, over 28 days: what a personal model must find out."""
    rng = np.random.default_rng(5)
    for person in range(60):
        half = person % 2 * 10
        for back in range(28):
            for item in rng.choice(10, size=1 + int(back < 7), replace=False):
                shop.event(f"c{person:02d}", f"item-{half + item:02d}", NIGHT - timedelta(days=back))
    return shop


@pytest.fixture
def colours(shop):
    """Items red1, red2, blue1 and grey1 (no colour), priced 5, 10, 20 and 30; ann likes red, bob blue, cid grey."""
    for item, colour, price in (("red1", "red", 5), ("red2", "red", 10), ("blue1", "blue", 20), ("grey1", None, 30)):
        attributes = f'{{"colour": "{colour}"}}' if colour else None
        offer(shop, item, attributes=attributes, price=price, category_paths=[f"home/{colour or 'other'}"], brand="Ada")
    for person, item in (("ann", "red1"), ("ann", "red2"), ("ann", "blue1"), ("bob", "blue1"), ("cid", "grey1")):
        shop.event(person, item, NIGHT)
    return shop
