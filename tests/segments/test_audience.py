import csv
from datetime import date

import pyarrow.parquet as pq
import pytest

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.resources.warehouse import DuckDBWarehouse
from perso_pipeline.segments.audience import export_audience

NIGHT = date(2026, 3, 10)


@pytest.fixture
def warehouse(tmp_path):
    """ann agreed and has two accounts; bob did not; cat never said; dan agreed on another site; eve is not in it."""
    store = DuckDBWarehouse(tmp_path / "shop.duckdb")
    with store.connect() as connection:
        connection.execute("""
            create schema segments; create schema profiles; create schema staging; create schema identity;
            create table segments.segment_catalogue as select date '2026-03-10' as night, 'vip' as segment_id;
            create table segments.segment_membership as
            select date '2026-03-10' as night, site_id, person_id, 'vip' as segment_id
            from (values ('uk', 'ann'), ('uk', 'bob'), ('uk', 'cat'), ('uk', 'dan')) t(site_id, person_id);
            create table profiles.customer_profiles as
            select date '2026-03-10' as night, *, true as has_personalization_consent
            from (values ('uk', 'ann', true), ('uk', 'bob', false), ('uk', 'cat', null), ('uk', 'dan', false), ('de', 'dan', true), ('uk', 'eve', true))
                t(site_id, person_id, has_email_consent);
            create table identity.identity_map as
            select *, date '2026-01-01' as known_on, null::date as void_on
            from (values ('customer:=1+1', 'ann'), ('customer:C2', 'ann'), ('customer:C3', 'bob'), ('customer:C9', 'eve')) t(identifier, person_id);
            create table staging.stg_profile_events as
            select *, 'uk' as site_id, known_on as event_date, known_on::timestamp as occurred_at, null::varchar as phone_hash
            from (values
                ('e1', '=1+1', 'old', date '2026-03-01'), ('e2', '=1+1', 'new', date '2026-03-02'), ('e3', '=1+1', 'later', date '2026-03-11'),
                ('e4', 'C2', null, date '2026-03-01'), ('e5', 'C3', 'bobs', date '2026-03-01'), ('e6', 'C9', 'eves', date '2026-03-01')
            ) t(event_id, customer_id, email_hash, known_on);
        """)
    return store


def export(warehouse, to, **others):
    return export_audience(warehouse, "vip", to, **({"night": None, "file_format": "csv", "consent": "email"} | others))


def test_only_those_who_agreed_leave_as_ids_and_hashes_and_no_cell_is_a_formula(warehouse, tmp_path):
    audience = export(warehouse, tmp_path / "vip.csv")
    with (tmp_path / "vip.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["site_id", "person_id", "customer_id", "email_hash", "phone_hash"],
        ["uk", "ann", "'=1+1", "new", ""], ["uk", "ann", "C2", "", ""],
    ]  # fmt: skip
    assert (audience.night, audience.rows, audience.people, audience.without_consent) == (NIGHT, 2, 1, 3)


def test_parquet_keeps_ids_as_they_are(warehouse, tmp_path):
    export(warehouse, tmp_path / "vip.parquet", file_format="parquet")
    assert pq.read_table(tmp_path / "vip.parquet")["customer_id"].to_pylist() == ["=1+1", "C2"]


def test_the_other_consent_can_be_asked(warehouse, tmp_path):
    assert export(warehouse, tmp_path / "vip.csv", consent="personalization").people == 4


def test_a_file_that_was_there_is_replaced_in_one_step_or_kept(warehouse, tmp_path, monkeypatch):
    target = tmp_path / "vip.csv"
    target.write_text("yesterday")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("perso_pipeline.segments.audience.write_csv", full)
    with pytest.raises(PersoError, match="cannot be written"):
        export(warehouse, target)
    assert target.read_text() == "yesterday"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".vip")] == []


def test_what_is_not_there_is_named(warehouse, tmp_path):
    with pytest.raises(PersoError, match=r"no segment 'vipp' \(did you mean 'vip'\?\)"):
        export_audience(warehouse, "vipp", tmp_path / "a.csv", night=None, file_format="csv", consent="email")
    with pytest.raises(PersoError, match="The night of 2026-03-09 has no segments; there are 2026-03-10 to 2026-03-10"):
        export(warehouse, tmp_path / "a.csv", night=date(2026, 3, 9))
    with pytest.raises(PersoError, match="choose a folder that exists"):
        export(warehouse, tmp_path / "no" / "a.csv")
