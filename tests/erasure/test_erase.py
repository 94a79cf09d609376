"""An erasure from plan to receipt on a small installation; killed at every step, it ends the same."""

import gzip
import json
import shutil
import sqlite3
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.contracts.sites import Site, Sites
from perso_pipeline.erasure import artefacts, compaction, erase, landing, traces, warehouse
from perso_pipeline.erasure.journal import Journal
from perso_pipeline.erasure.receipt import check
from perso_pipeline.identity.tables import ensure_tables as ensure_identity_tables
from perso_pipeline.raw.load import load_nights
from perso_pipeline.raw.suppression import read_list
from perso_pipeline.recommendations import publish
from perso_pipeline.resources.warehouse import DuckDBWarehouse
from perso_pipeline.settings import Settings

NIGHT = date(2026, 1, 2)
SITES = Sites(sites=[Site(id="uk", name="UK", timezone="Europe/London", currency="GBP")])
NAMES = ("c-ann-1", "v-ann-1", "pann")


def event(number: int, visitor: str, customer: str | None = None) -> dict[str, object]:
    return {
        "event_id": f"e{number}", "event_type": "page_view", "occurred_at": "2026-01-02T10:00:00Z", "site_id": "uk",
        "visitor_id": visitor, "customer_id": customer,
    }  # fmt: skip


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


def copy_of(template: Settings, home: Path) -> Settings:
    shutil.copytree(template.home, home, dirs_exist_ok=True)
    return template.model_copy(update={"home": home})


@pytest.fixture
def settings(template: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The template's installation for one test to erase from."""
    monkeypatch.setenv("PERSO_HOME", str(tmp_path))
    monkeypatch.setenv("PERSO_HASH_KEY", "only for tests")
    copy_of(template, tmp_path)
    return Settings()


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


def test_one_person_goes_and_the_other_stays(settings: Settings) -> None:
    receipt = erase.erase(settings, ["c-ann-1"], say=lambda _: None)

    found = state(settings)
    left = found["text"].decode().split("\n")
    assert [bool(line) for line in left] == [False, True, False, True, False]  # lines keep their numbers
    assert found["rows"] == ["e6"]
    assert [row["event_id"] for row in found["raw"]] == ["e2", "e4", "e6"]
    assert [(r["delivered"], r["accepted"], r["rejected"], r["erased"]) for r in found["books"]] == [
        (4, 2, 0, 2),
        (2, 1, 0, 1),
    ]
    assert found["superseded"] == [{"line": 1}]  # row 2 of the Parquet file is row 1 now
    assert found["people"] == [{"person_id": "pbob"}]
    assert found["counts"] == [{"people": 2}]
    own = [[0.0, 1.0]]
    assert found["model"] == {"people": ["pbob"], "model.user_factors": own, "model.als.user_factors": own}
    assert found["events"] == [('{"preview": "| xxxx | pbob | pannini |"}',)]
    assert receipt is not None
    content = check(receipt, settings.hash_key_bytes)
    assert {"where": "profiles.customer_profiles", "rows": 1} in content["removed"]
    assert not Journal(settings.erasures_dir).read()
    for path in settings.home.rglob("*"):
        if path.is_file():
            assert not [name for name in NAMES if name.encode() + b'"' in path.read_bytes()], path


STEPS = {
    "suppression": (erase, "_suppress"),
    "landing": (landing, "rewrite"),
    "model files planned": (erase, "_plan_artefacts"),
    "model files": (erase, "_write_artefacts"),
    "published": (publish, "rewrite"),
    "warehouse": (warehouse, "delete"),
    "warehouse file": (compaction, "compact"),
    "traces": (traces, "blot_out"),
    "receipt": (erase, "_receipt"),
}


@pytest.mark.parametrize("is_done", [False, True], ids=["before the step", "after the step"])
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_and_called_again_it_ends_the_same(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, step: str, is_done: bool, whole: dict[str, object]
) -> None:
    settings.published_dir.mkdir()
    module, name = STEPS[step]
    true = getattr(module, name)

    def killed(*args: object, **kwargs: object) -> object:
        if is_done:
            true(*args, **kwargs)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(module, name, killed)
        with pytest.raises(KeyboardInterrupt):
            erase.erase(settings, ["v-ann-1"], say=lambda _: None)

    assert erase.erase(settings, ["v-ann-1"], say=lambda _: None) is not None

    assert state(settings) == whole
    assert erase.erase(settings, ["v-ann-1"], say=lambda _: None) is None


@pytest.fixture(scope="module")
def whole(template: Settings, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What an erasure that nobody interrupts leaves."""
    undisturbed = copy_of(template, tmp_path_factory.mktemp("whole"))
    erase.erase(undisturbed, ["v-ann-1"], say=lambda _: None)
    return state(undisturbed)


def test_somebody_unknown_is_refused_and_nothing_goes(settings: Settings) -> None:
    before = state(settings)
    with pytest.raises(PersoError, match=r"^Line 2 is no person id.*nothing was erased\.$"):
        erase.erase(settings, ["c-ann-1", "nobody@example.org"], say=lambda _: None)
    assert state(settings) == before


def test_a_dry_run_tells_the_records_and_takes_nothing(settings: Settings) -> None:
    before = state(settings)
    planned = erase.plan(settings, ["pann"])
    assert planned is not None
    assert planned.records() == {"storefront_events": 3}
    assert state(settings) == before


def test_an_artefact_without_people_stays(tmp_path: Path) -> None:
    np.savez(tmp_path / "arrays.npz", popularity=np.ones(3))
    assert list(artefacts.without(tmp_path, ["pann"])) == []


def deliver(settings: Settings, stream: str, name: str, records: list[dict[str, object]]) -> None:
    folder = settings.landing_dir / stream / "2026-01-02"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    load_nights(
        DuckDBWarehouse(settings.warehouse_path), landing_dir=settings.landing_dir, sites=SITES, first=NIGHT, last=NIGHT,
        hash_key=settings.hash_key_bytes, suppressed=read_list(settings.erasures_dir), streams=[stream],
    )  # fmt: skip


def account(number: int, event_type: str, customer: str, hour: int) -> dict[str, object]:
    return {
        "event_id": f"a{number}", "event_type": event_type, "occurred_at": f"2026-01-02T{hour:02}:00:00Z",
        "site_id": "uk", "customer_id": customer,
    }  # fmt: skip


def test_an_account_counts_as_deleted_unless_it_was_created_again(settings: Settings) -> None:
    deliver(settings, "profile_events", "a.jsonl", [
        account(1, "account_created", "c-ann-1", 8), account(2, "account_deleted", "c-ann-1", 9),
        account(3, "account_deleted", "c-bob-1", 8), account(4, "account_created", "c-bob-1", 9),
        account(5, "account_deleted", "c-nobody-knows", 9),
    ])  # fmt: skip
    assert erase.deleted_accounts(settings) == ["customer:c-ann-1"]
    erase.erase(settings, erase.deleted_accounts(settings), say=lambda _: None)
    assert erase.deleted_accounts(settings) == []


def test_what_is_delivered_again_leaves_landing_too(settings: Settings) -> None:
    erase.erase(settings, ["c-ann-1"], say=lambda _: None)
    deliver(settings, "storefront_events", "again.jsonl", [event(1, "v-ann-1"), event(9, "v-bob-1")])
    assert erase.redelivered(settings) == {("storefront_events", NIGHT)}
    assert [row["event_id"] for row in state(settings)["raw"]] == ["e2", "e4", "e6", "e9"]

    assert erase.erase(settings, [], say=lambda _: None) is not None

    again = settings.landing_dir / "storefront_events" / "2026-01-02" / "again.jsonl"
    assert "v-ann-1" not in again.read_text(encoding="utf-8")
    assert "v-bob-1" in again.read_text(encoding="utf-8")
    assert erase.redelivered(settings) == set()
    books = {row["file"].split("/")[-1]: row for row in state(settings)["books"]}["again.jsonl"]
    assert (books["delivered"], books["accepted"], books["erased"]) == (2, 1, 1)
    assert erase.erase(settings, [], say=lambda _: None) is None


def test_a_device_that_somebody_else_signed_in_on_stays_in_their_records(settings: Settings) -> None:
    deliver(settings, "storefront_events", "shared.jsonl", [event(7, "v-ann-1", "c-bob-1"), event(8, "v-ann-1")])
    with DuckDBWarehouse(settings.warehouse_path).connect() as connection:
        ensure_identity_tables(connection)
        connection.execute(
            "create table identity.identifiers as select identifier, known_on from identity.identity_map"
        )
        connection.execute("""
            create table identity.identity_edges (identifier varchar, other_identifier varchar, edge_type varchar,
                known_on date, first_known_at timestamp);
            insert into identity.identity_edges values
                ('customer:c-bob-1', 'visitor:v-ann-1', 'sign_in', '2026-01-02', '2026-01-02')""")

    receipt = erase.erase(settings, ["c-ann-1"], say=lambda _: None)

    assert [row["event_id"] for row in state(settings)["raw"]] == ["e2", "e4", "e6", "e7"]  # e8 proved nobody on hers
    assert receipt is not None
    assert check(receipt, settings.hash_key_bytes)[erase.DEVICES] == 1
    people = DuckDBWarehouse(settings.warehouse_path).query(
        "select distinct identifier from identity.identity_map where void_on is null order by all"
    )
    assert "customer:c-ann-1" not in people["identifier"].to_pylist()
    assert "visitor:v-ann-1" in people["identifier"].to_pylist()


def test_somebody_known_only_by_a_device_that_others_use_does_not_come_back(settings: Settings) -> None:
    # a till: Bob and Cid sign in on it, and somebody never does
    till = [event(10, "v-till-1", "c-bob-1"), event(11, "v-till-1", "c-cid-1"), event(12, "v-till-1")]
    deliver(settings, "storefront_events", "till.jsonl", till)
    store = DuckDBWarehouse(settings.warehouse_path)
    with store.connect() as connection:
        ensure_identity_tables(connection)
        connection.execute("""
            insert into identity.identity_map values
                ('customer:c-cid-1', 'customer', 'pcid', 1.0, '2026-01-02', null),
                ('visitor:v-till-1', 'visitor', 'ptill', 1.0, '2026-01-02', null);
            create table identity.identifiers as select identifier, known_on from identity.identity_map;
            create table identity.identity_edges (identifier varchar, other_identifier varchar, edge_type varchar,
                known_on date, first_known_at timestamp)""")

    assert erase.erase(settings, ["v-till-1"], say=lambda _: None) is not None
    deliver(settings, "storefront_events", "later.jsonl", [event(13, "v-till-1"), event(14, "v-till-1", "c-bob-1")])

    on_till = store.query("select event_id from raw.storefront_events where visitor_id = 'v-till-1' order by all")
    assert on_till["event_id"].to_pylist() == ["e10", "e11", "e14"]  # what proves Bob or Cid is theirs
    assert erase.erase(settings, ["v-till-1"], say=lambda _: None) is not None  # e13 leaves landing
    later = settings.landing_dir / "storefront_events" / "2026-01-02" / "later.jsonl"
    assert [bool(line) for line in later.read_text(encoding="utf-8").split("\n")] == [False, True, False]
    assert erase.erase(settings, ["v-till-1"], say=lambda _: None) is None


def test_who_shares_a_device_with_somebody_erased_can_be_erased_too(settings: Settings) -> None:
    deliver(settings, "storefront_events", "shared.jsonl", [event(7, "v-ann-1", "c-bob-1")])
    with DuckDBWarehouse(settings.warehouse_path).connect() as connection:
        ensure_identity_tables(connection)
        connection.execute("""
            create table identity.identifiers as select identifier, known_on from identity.identity_map;
            create table identity.identity_edges (identifier varchar, other_identifier varchar, edge_type varchar,
                known_on date, first_known_at timestamp);
            insert into identity.identity_edges values
                ('customer:c-bob-1', 'visitor:v-ann-1', 'sign_in', '2026-01-02', '2026-01-02')""")
    erase.erase(settings, ["c-ann-1"], say=lambda _: None)
    assert erase.erase(settings, ["c-bob-1"], say=lambda _: None) is not None
    assert {"identifier": "customer:c-bob-1"} not in state(settings)["identity"]


def test_a_rewritten_file_keeps_its_time_of_change(settings: Settings) -> None:
    file = settings.landing_dir / "storefront_events" / "2026-01-02" / "a.jsonl.gz"
    before = file.stat()
    erase.erase(settings, ["c-ann-1"], say=lambda _: None)
    assert file.stat().st_size < before.st_size
    assert file.stat().st_mtime_ns == before.st_mtime_ns


def test_an_identifier_with_its_kind_means_that_one_only(settings: Settings) -> None:
    with DuckDBWarehouse(settings.warehouse_path).connect() as connection:
        connection.execute(
            "insert into identity.identity_map values ('loyalty:c-ann-1', 'loyalty', 'pbob', 1.0, '2026-01-02', null)"
        )
    planned = erase.plan(settings, ["customer:c-ann-1"])
    assert planned is not None
    assert "pann" in planned.people.person_ids


def test_a_word_that_means_two_people_is_refused(settings: Settings) -> None:
    with DuckDBWarehouse(settings.warehouse_path).connect() as connection:
        connection.execute(
            "insert into identity.identity_map values ('loyalty:c-ann-1', 'loyalty', 'pbob', 1.0, '2026-01-02', null)"
        )
    with pytest.raises(PersoError, match="Word 1 means 2 people; give the person id"):
        erase.erase(settings, ["c-ann-1"], say=lambda _: None)
