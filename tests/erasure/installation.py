"""A small installation to erase from: what is delivered to it, and everything an erasure changes."""

import gzip
import json
import shutil
import sqlite3
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from perso_pipeline.contracts.sites import Site, Sites
from perso_pipeline.raw.load import load_nights
from perso_pipeline.raw.suppression import read_list
from perso_pipeline.resources.warehouse import DuckDBWarehouse
from perso_pipeline.settings import Settings

NIGHT = date(2026, 1, 2)
SITES = Sites(sites=[Site(id="uk", name="UK", timezone="Europe/London", currency="GBP")])


def event(number: int, visitor: str, customer: str | None = None) -> dict[str, object]:
    return {
        "event_id": f"e{number}", "event_type": "page_view", "occurred_at": "2026-01-02T10:00:00Z", "site_id": "uk",
        "visitor_id": visitor, "customer_id": customer,
    }  # fmt: skip


def copy_of(template: Settings, home: Path) -> Settings:
    shutil.copytree(template.home, home, dirs_exist_ok=True)
    return template.model_copy(update={"home": home})


def deliver(settings: Settings, stream: str, name: str, records: list[dict[str, object]]) -> None:
    folder = settings.landing_dir / stream / "2026-01-02"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    load_nights(
        DuckDBWarehouse(settings.warehouse_path), landing_dir=settings.landing_dir, sites=SITES, first=NIGHT, last=NIGHT,
        hash_key=settings.hash_key_bytes, suppressed=read_list(settings.erasures_dir), streams=[stream],
    )  # fmt: skip


WAREHOUSE = {
    "raw": "select event_id, file, line from raw.storefront_events order by all",
    "books": "select file, delivered, accepted, rejected, erased from raw.delivered_files order by all",
    "superseded": "select line from staging.superseded_storefront_events",
    "people": "select person_id from profiles.customer_profiles",
    "counts": "select people from profiles.counts",
    "identity": "select identifier from identity.identity_map order by all",
}


def state(settings: Settings) -> dict[str, object]:
    """Everything an erasure changes."""
    folder = settings.landing_dir / "storefront_events" / "2026-01-02"
    with sqlite3.connect(settings.dagster_home / "history" / "index.db") as log:
        events = log.execute("select event from event_logs").fetchall()
    with np.load(next(settings.mlflow_dir.rglob("arrays.npz"))) as arrays:
        model = {name: arrays[name].tolist() for name in arrays.files}
    receipts = [
        {k: v for k, v in json.loads(path.read_text()).items() if k not in {"erased_at", "signature"}}
        for path in settings.erasures_dir.glob("20*.json")
    ]
    store = DuckDBWarehouse(settings.warehouse_path)
    with store.connect() as connection:  # opened once: to open it costs more than a query
        tables = {name: connection.sql(query).to_arrow_table().to_pylist() for name, query in WAREHOUSE.items()}
    return {
        "text": gzip.decompress((folder / "a.jsonl.gz").read_bytes()),
        "rows": pq.read_table(folder / "b.parquet")["event_id"].to_pylist(),
        **tables,
        "events": events,
        "model": model,
        "list": read_list(settings.erasures_dir),
        "receipts": receipts,
    }  # fmt: skip
