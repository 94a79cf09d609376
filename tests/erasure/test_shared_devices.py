"""Devices that several people use: what proves somebody else on them is not erased with one of the users."""

from perso_pipeline.erasure import erase
from perso_pipeline.erasure.receipt import check
from perso_pipeline.identity.tables import ensure_tables
from perso_pipeline.resources.warehouse import DuckDBWarehouse
from perso_pipeline.settings import Settings
from tests.erasure.installation import deliver, event, state

_BOB_ON_ANNS = """insert into identity.identity_edges values
    ('customer:c-bob-1', 'visitor:v-ann-1', 'sign_in', '2026-01-02', '2026-01-02')"""


def know(settings: Settings, rows: str) -> None:
    """The tables of identity as a night leaves them, with further ``rows``."""
    with DuckDBWarehouse(settings.warehouse_path).connect() as connection:
        ensure_tables(connection)
        connection.execute("""
            create table identity.identity_edges (identifier varchar, other_identifier varchar, edge_type varchar,
                known_on date, first_known_at timestamp)""")
        connection.execute(rows)
        connection.execute(
            "create table identity.identifiers as select identifier, known_on from identity.identity_map"
        )


def test_a_device_that_somebody_else_signed_in_on_stays_in_their_records(settings: Settings) -> None:
    deliver(settings, "storefront_events", "shared.jsonl", [event(7, "v-ann-1", "c-bob-1"), event(8, "v-ann-1")])
    know(settings, _BOB_ON_ANNS)

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
    know(
        settings,
        """insert into identity.identity_map values
        ('customer:c-cid-1', 'customer', 'pcid', 1.0, '2026-01-02', null),
        ('visitor:v-till-1', 'visitor', 'ptill', 1.0, '2026-01-02', null)""",
    )
    store = DuckDBWarehouse(settings.warehouse_path)

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
    know(settings, _BOB_ON_ANNS)
    erase.erase(settings, ["c-ann-1"], say=lambda _: None)
    assert erase.erase(settings, ["c-bob-1"], say=lambda _: None) is not None
    assert {"identifier": "customer:c-bob-1"} not in state(settings)["identity"]
