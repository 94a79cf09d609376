"""Events and catalogue as they were known on a night, aligned to a matrix, nothing of the future in them."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from perso_pipeline.models import race
from perso_pipeline.models.config import EvaluationConfig
from perso_pipeline.models.evaluation import Evaluation, evaluate
from perso_pipeline.models.evidence import read_evidence, standing, with_evidence, with_new_items
from perso_pipeline.models.protocol import KINDS
from perso_pipeline.models.roster import build
from perso_pipeline.models.signals import matrix_as_of, read_signals, to_day
from perso_pipeline.models.site_night import SiteNight

NIGHT = date(2026, 1, 31)

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


def at_noon(day):
    return datetime(day.year, day.month, day.day, 12)  # noqa: DTZ001


def offered(item, day, **fields):
    moment = {
        "occurred_at": at_noon(day),
        "event_date": day,
        "known_on": day,
        "event_type": "item_updated",
        "site_id": "shop-uk",
    }
    return {"item_id": item, "event_id": f"{item}-{day}", **moment, **fields}


@pytest.fixture
def warehouse(shop):
    week_ago = NIGHT - timedelta(days=7)
    for person, item, day, kind in [
        ("a", "mug", week_ago, "product_view"),
        ("a", "mug", NIGHT, "purchase"),
        ("b", "cup", NIGHT, "add_to_cart"),
        ("b", "cup", NIGHT, "add_to_wish_list"),
    ]:
        shop.event(person, item, day, kind)
    shop.event("a", "cup", NIGHT, known_on=NIGHT + timedelta(days=1))
    shop.event("robot", "cup", NIGHT, is_robot=True)
    for event in shop.events:
        event["occurred_at"] = at_noon(event["event_date"])
    made = shop.write()
    rows = [
        offered("mug", week_ago, name="Blue mug", brand="Ada", category_paths=["home/kitchen", "gifts"]),
        offered("mug", NIGHT - timedelta(days=1), description="holds tea", attributes='{"colour": "blue"}'),
        offered("mug", NIGHT + timedelta(days=1), name="Renamed"),
        offered("mug", week_ago - timedelta(days=1), price=Decimal("4.5")),
        offered("mug", NIGHT, price=Decimal("5.25")),
        offered("new", NIGHT - timedelta(days=2), name="New mug", category_paths=["home/kitchen"]),
        offered("gone", week_ago, name="Gone"),
        offered("gone", NIGHT, event_type="item_deleted"),
    ]
    with made.transaction() as connection:
        connection.register("rows", pa.Table.from_pylist(rows, schema=CATALOGUE))
        connection.execute("create schema if not exists staging")
        connection.execute("create or replace table staging.stg_catalog_items as from rows")
    return made


def read(warehouse, config, night=NIGHT):
    return read_evidence(warehouse, "shop-uk", night, config.signals, events=True, items=True)


def matrix(warehouse, config, as_of=NIGHT + timedelta(days=1)):
    return matrix_as_of(read_signals(warehouse, "shop-uk", NIGHT, config.signals), as_of, config.signals)


def test_the_journal_holds_views_carts_and_purchases_known_on_the_night(warehouse, config):
    data = with_evidence(matrix(warehouse, config), read(warehouse, config))
    found = [
        (data.people[p], data.items[i], d - to_day(NIGHT), KINDS[k])
        for p, i, d, k in zip(data.journal.person, data.journal.item, data.journal.day, data.journal.kind, strict=True)
    ]
    assert found == [("a", "mug", -7, "product_view"), ("a", "mug", 0, "purchase"), ("b", "cup", 0, "add_to_cart")]


def test_a_training_matrix_of_the_past_has_only_events_of_the_past(warehouse, config):
    data = with_evidence(matrix(warehouse, config, as_of=NIGHT), read(warehouse, config))
    assert data.journal.day.tolist() == [to_day(NIGHT) - 7]


def test_the_catalogue_gives_each_field_its_newest_value_and_nothing_from_later_nights(warehouse, config):
    data = with_evidence(matrix(warehouse, config), read(warehouse, config))
    mug = data.items.tolist().index("mug")
    assert data.catalogue.text[mug] == "Blue mug holds tea"
    assert data.catalogue.traits[mug].split("\n") == [
        "brand=Ada",
        "category=home",
        "category=home/kitchen",
        "category=gifts",
        "colour=blue",
    ]
    assert data.catalogue.category[mug] == "home/kitchen"
    cup = data.items.tolist().index("cup")  # not in the catalogue
    assert (data.catalogue.text[cup], data.catalogue.added_day[cup]) == ("", -1)


def test_a_training_matrix_of_the_past_sees_the_catalogue_of_its_own_day(warehouse, config):
    evidence = read(warehouse, config)
    today = with_evidence(matrix(warehouse, config), evidence).catalogue
    earlier = with_evidence(matrix(warehouse, config, as_of=NIGHT - timedelta(days=1)), evidence)
    assert earlier.items.tolist() == ["mug"]
    assert (earlier.catalogue.text[0], earlier.catalogue.brand[0]) == ("Blue mug", "Ada")  # not yet described
    assert earlier.catalogue.price[0] == 4.5
    assert today.price[1] == 5.25  # the price of a later night is not known yet
    assert today.text[1] == "Blue mug holds tea"
    assert np.isnan(today.price[0])


def test_what_was_taken_out_of_the_catalogue_stood_in_it_before(warehouse, config):
    items = read(warehouse, config).items
    before, after = (standing(items, to_day(NIGHT) + later).column("item_id").to_pylist() for later in (0, 1))
    assert before == ["gone", "mug", "new"]
    assert after == ["mug", "new"]


def test_items_that_nobody_met_get_a_column_and_are_listed_by_models_of_the_catalogue(warehouse, config):
    data = with_new_items(matrix(warehouse, config), read(warehouse, config))
    assert data.items.tolist() == ["cup", "mug", "new"]
    assert data.weights.shape == (2, 3)
    assert data.daily_people.shape[0] == 3
    newest = build(config, threads=1, names=["recently_added"])["recently_added"].fit(data)
    assert data.items[newest.recommend(np.array([0]), 3).item].tolist() == ["new", "mug"]
    alike = build(config, threads=1, names=["content"])["content"].fit(data).similar(np.array([1]), 3)
    assert data.items[alike.item].tolist() == ["new"]


def test_evidence_is_read_only_where_the_race_needs_it_and_changes_the_key(warehouse, config):
    plain = SiteNight.read(warehouse, "shop-uk", NIGHT, config)
    assert plain.evidence.events is None
    assert plain.evidence.items is None
    wider = SiteNight.read(warehouse, "shop-uk", NIGHT, config.model_copy(update={"race": [*config.race, "session"]}))
    assert wider.evidence.events is not None
    assert wider.key != plain.key
    again = SiteNight.read(warehouse, "shop-uk", NIGHT, config.model_copy(update={"race": [*config.race, "session"]}))
    assert again.key == wider.key


def test_every_model_can_race_and_one_that_needs_too_much_memory_stays_out(two_tastes, config):
    for event in two_tastes.events:
        event["occurred_at"] = at_noon(event["event_date"])
    made = two_tastes.write()
    with made.transaction() as connection:
        connection.register("rows", pa.Table.from_pylist([], schema=CATALOGUE))
        connection.execute("create schema if not exists staging")
        connection.execute("create or replace table staging.stg_catalog_items as from rows")
    everything = list(type(config).model_fields["race"].annotation.__args__[0].__args__)
    small = EvaluationConfig(**(config.evaluation.model_dump() | {"min_people": 20, "bootstrap_samples": 100}))
    ease = config.ease.model_copy(update={"max_gigabytes": 1e-9})
    incumbents = {"personal": "ease", "similar": "item_knn"}
    racing = config.model_copy(update={"race": everything, "ease": ease, "evaluation": small, "incumbents": incumbents})
    site = SiteNight.read(made, "shop-uk", NIGHT, racing)
    outcome = evaluate(site.signals, racing, threads=1, evidence=site.evidence)
    assert isinstance(outcome, Evaluation)
    assert set(outcome.left_out) == {"ease"}
    assert "GB, more than ease.max_gigabytes" in outcome.left_out["ease"]
    measured = {m.model for m in outcome.measurements if m.metric == "recall"}
    assert measured == set(everything) - {"ease"}
    decisions = {d.task: d.model for d in race.decisions(outcome.measurements, outcome.slices, None, racing, {})}
    assert "ease" not in decisions.values()
