import gzip
import json
import sqlite3
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from perso_pipeline.raw.load import load_nights
from perso_pipeline.resources.warehouse import DuckDBWarehouse
from perso_pipeline.settings import Settings
from tests.erasure.installation import NIGHT, SITES, copy_of, event


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Ann (a customer and a device of her own) and Bob, in landing, raw, identity, profiles, MLflow and logs."""
    settings = Settings(home=tmp_path_factory.mktemp("template"), hash_key="only for tests")
    folder = settings.landing_dir / "storefront_events" / "2026-01-02"
    folder.mkdir(parents=True)
    lines = [event(1, "v-ann-1"), event(2, "v-bob-1", "c-bob-1"), event(3, "v-bob-1", "c-ann-1"), event(4, "v-bob-1")]
    (folder / "a.jsonl.gz").write_bytes(gzip.compress("".join(json.dumps(x) + "\n" for x in lines).encode()))
    pq.write_table(pa.Table.from_pylist([event(5, "v-ann-1"), event(6, "v-bob-1", "c-bob-1")]), folder / "b.parquet")
    store = DuckDBWarehouse(settings.warehouse_path)
    load_nights(
        store, landing_dir=settings.landing_dir, sites=SITES, first=NIGHT, last=NIGHT, hash_key=settings.hash_key_bytes
    )
    with store.connect() as connection:
        connection.execute(
            "create schema identity; create schema profiles; create schema staging; create schema models"
        )
        connection.execute("""
            create table identity.identity_map as
            select identifier, split_part(identifier, ':', 1) as identifier_type, person_id, 1.0::double as confidence,
                date '2026-01-02' as known_on, null::date as void_on
            from (values ('customer:c-ann-1', 'pann'), ('visitor:v-ann-1', 'pann'),
                ('customer:c-bob-1', 'pbob'), ('visitor:v-bob-1', 'pbob')) as t (identifier, person_id);
            create table profiles.customer_profiles as
            select date '2026-01-02' as night, 'uk' as site_id, unnest(['pann', 'pbob']) as person_id;
            create table profiles.counts as select date '2026-01-02' as night, 2 as people;
            create table staging.superseded_storefront_events as
            select event_date, load_date, file, line from raw.storefront_events where event_id = 'e6';
            create table models.model_artifacts (sha256 varchar, bytes bigint);
        """)
    model = settings.mlflow_dir / "artifacts" / "uk" / "run" / "artifacts" / "model"
    model.mkdir(parents=True)
    by_person = {name: np.eye(2) for name in ("model.user_factors", "model.als.user_factors")}
    np.savez(model / "arrays.npz", **{"people": np.array(["pann", "pbob"]), **by_person})
    (settings.dagster_home / "history").mkdir(parents=True)
    with sqlite3.connect(settings.dagster_home / "history" / "index.db") as log:
        log.execute("create table event_logs (event text)")
        log.execute("insert into event_logs values (?)", [json.dumps({"preview": "| pann | pbob | pannini |"})])
    return settings


@pytest.fixture
def settings(template: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The template's installation for one test to erase from."""
    monkeypatch.setenv("PERSO_HOME", str(tmp_path))
    monkeypatch.setenv("PERSO_HASH_KEY", "only for tests")
    copy_of(template, tmp_path)
    return Settings()
