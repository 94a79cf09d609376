"""``perso show person``: found by any name, told from events to lists."""

import io
from datetime import date
from pathlib import Path

import duckdb
import pytest
from rich.console import Console

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.operation.person_story import PublishedReader, read_story
from perso_pipeline.operation.person_view import show_story
from perso_pipeline.resources.warehouse import DuckDBWarehouse

NIGHT = date(2026, 1, 2)
_SHARED = """
create table {profiles}customer_profiles as select date '2026-01-02' as night, 'uk' as site_id, 'p1' as person_id, 'new' as lifecycle,
    2 as hot_events, 5 as cold_events, null::varchar as company_id;
create table {profiles}affinities as select date '2026-01-02' as night, 'uk' as site_id, 'p1' as person_id, 'brand' as kind,
    'Finch' as value, 1.0 as share, 2.0 as hot_weight, 1.0 as cold_weight, 1 as place;
create table {profiles}item_profiles as select date '2026-01-02' as night, 'uk' as site_id, 'i1' as item_id, 'Mug [blue]' as name;
create table {segments}segment_membership as select date '2026-01-02' as night, 'uk' as site_id, 'p1' as person_id, 'new' as segment_id;
create table {segments}segment_catalogue as
select date '2026-01-02' as night, 'new' as segment_id, 'New customers' as name, 'lifecycle is new' as rule, 1 as position;
create table {recommendations}recommendations as select date '2026-01-02' as night, 'uk' as site_id, 'home' as scenario_id,
    'person' as subject_type, 'p1' as subject_id, 1 as rank, 'i1' as item_id, 'personal' as strategy, 'item_knn' as model, 'v7' as model_version;
create table {recommendations}recommendation_trace as select date '2026-01-02' as night, 'uk' as site_id, 'home' as scenario_id,
    'person' as subject_type, 'p1' as subject_id, 1 as rank, ['i9'] as origin_items, ['sold_out'] as rules;
"""
_FACTS = """
create table identity.identity_map as
select * from (values
    ('customer:c1', 'p1', 1.0, date '2026-01-01', null), ('visitor:v1', 'pv', 1.0, date '2026-01-01', date '2026-01-02'),
    ('visitor:v1', 'p1', 1.0, date '2026-01-02', null)
) t(identifier, person_id, confidence, known_on, void_on);
create table interactions.sessions as
select 's1' as session_id, timestamp '2026-01-01 10:00' as started_at, 'visitor:v1' as identifier, 'email' as channel,
    'mobile' as device_type, 2 as events, 1 as product_views, 0 as cart_adds, 0 as orders, date '2026-01-01' as session_date,
    false as is_robot, date '2026-01-01' as known_on;
create table interactions.session_events as
select event_id, timestamp '2026-01-01 10:00' as occurred_at, 'visitor:v1' as identifier, 'product_view' as event_type, 'i1' as item_id,
    null::varchar as search_query, null::varchar as category_path, null::varchar as order_id, 's1' as session_id,
    date '2026-01-01' as event_date, false as is_robot, known_on
from (values ('e1', date '2026-01-01'), ('e2', date '2026-01-03')) t(event_id, known_on);
"""


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBWarehouse:
    path = tmp_path / "shop.duckdb"
    stages = ("profiles", "segments", "recommendations", "identity", "interactions")
    with duckdb.connect(str(path)) as connection:
        for stage in stages:
            connection.execute(f"create schema {stage}")
        connection.execute(_SHARED.format(**{stage: f"{stage}." for stage in stages}))
        connection.execute(_FACTS)
    return DuckDBWarehouse(path)


@pytest.mark.parametrize("who", ["p1", "c1", "v1", "visitor:v1", "customer:c1"])
def test_a_person_is_found_by_each_of_its_names(warehouse: DuckDBWarehouse, who: str) -> None:
    story = read_story(warehouse, who, night=None, source="the warehouse")
    assert (story.person_id, story.night) == ("p1", NIGHT)
    assert story.identifiers is not None
    assert story.identifiers.column("identifier").to_pylist() == ["customer:c1", "visitor:v1"]


def test_what_became_known_later_is_not_told(warehouse: DuckDBWarehouse) -> None:
    story = read_story(warehouse, "p1", night=NIGHT, source="the warehouse")
    assert story.events is not None
    assert story.events.num_rows == 1  # the second event arrived on the 3rd


def test_the_story_is_printed_from_events_to_the_trace(warehouse: DuckDBWarehouse) -> None:
    out = Console(width=120, record=True, file=io.StringIO())
    show_story(read_story(warehouse, "p1", night=NIGHT, source="the warehouse"), out)
    text = out.export_text()
    words = [
        "product_view",
        "email",
        "lifecycle",
        "hot: the last session",
        "Finch",
        "New customers",
        "Mug [blue]",
        "i9",
        "sold_out",
        "v7",
    ]
    assert [word for word in words if word not in text] == []
    assert "company_id" not in text  # what is not known is left out


def test_published_tables_tell_all_but_events(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "perso.duckdb")) as connection:
        connection.execute(_SHARED.format(profiles="", segments="", recommendations=""))
    story = read_story(PublishedReader(tmp_path), "p1", night=None, source="published/current")
    assert (story.events, story.sites[0].segments.num_rows, story.sites[0].recommendations.num_rows) == (None, 1, 1)


def test_nobody_and_no_night_are_a_sentence(warehouse: DuckDBWarehouse) -> None:
    with pytest.raises(PersoError, match="Nobody is called 'p7' on 2026-01-02 in the warehouse"):
        read_story(warehouse, "p7", night=None, source="the warehouse")
    with pytest.raises(
        PersoError, match="no profiles of 2026-02-01 in the warehouse; there are profiles of 2026-01-02"
    ):
        read_story(warehouse, "p1", night=date(2026, 2, 1), source="the warehouse")
