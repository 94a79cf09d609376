"""What the simulated shop writes: repeatable, within the contract, and as a shop is."""

import hashlib
import json
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from perso_pipeline.contracts.streams import STREAMS, Field, FieldType, Stream
from perso_pipeline.shop.config import ShopConfig
from perso_pipeline.shop.deliveries import KINDS
from perso_pipeline.shop.simulate import simulate

SMALL = {"people": 150, "items": 80, "days": 4}
SOUND = {"late_share": 0.0, "duplicate_share": 0.0, "broken_share": 0.0}
HUMAN = "not regexp_matches(user_agent, 'bot|python|Headless')"


def _hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _one(connection: duckdb.DuckDBPyConnection, sql: str):
    return connection.execute(sql).fetchall()[0][0]


@pytest.mark.parametrize("file_format", ["mixed", "parquet", "jsonl", "csv"])
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path, file_format):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        config = ShopConfig(**SMALL, seed=seed, file_format=file_format)
        simulate(config, landing_dir=tmp_path / name / "landing", truth_dir=tmp_path / name / "truth")
    assert _hashes(tmp_path / "a") == _hashes(tmp_path / "b")
    assert _hashes(tmp_path / "a" / "landing") != _hashes(tmp_path / "c" / "landing")


def _faults(stream: Stream, field: Field) -> list[str]:
    """Conditions that no sound record may meet."""
    kind = "varchar[]" if field.type is FieldType.TEXT_LIST else field.type.value
    is_csv_list = field.type is FieldType.TEXT_LIST and stream.name == "catalog_items"
    name = f"string_split({field.name}, '|')" if is_csv_list else field.name
    faults = [f"{field.name} is not null and try_cast({name} as {kind}) is null"]
    if field.required:
        faults.append(f"{field.name} is null")
    if field.minimum is not None:
        faults.append(f"try_cast({name} as {kind}) < {field.minimum}")
    if field.maximum is not None:
        faults.append(f"try_cast({name} as {kind}) > {field.maximum}")
    if field.words:
        faults.append(f"{name} not in {field.words!r}")
    return faults


def test_every_sound_record_fits_its_contract(tmp_path, read_landing):
    config = ShopConfig(people=400, items=100, days=6, broken_share=0)
    simulate(config, landing_dir=tmp_path / "landing", truth_dir=tmp_path / "truth")
    records = read_landing(tmp_path / "landing")
    for stream in STREAMS.values():
        columns = {row[0] for row in records.execute(f"describe {stream.name}").fetchall()}
        assert columns - {"filename", "load_date", "ab_cookie"} <= set(stream.field_names)
        assert {field.name for field in stream.fields if field.required} <= columns
        faults = [fault for field in stream.fields if field.name in columns for fault in _faults(stream, field)]
        faults += [
            f"event_type = '{event_type}' and {name} is null"
            for event_type, needed in stream.needs.items()
            for name in needed
            if name in columns
        ]
        found = {f: n for f in faults if (n := _one(records, f"select count(*) from {stream.name} where {f}"))}
        assert found == {}, stream.name
    latest = _one(records, "select max(load_date - occurred_at::date) from storefront_events")
    assert latest <= 7  # five days late, one more for the copy, one for the zone
    assert _one(records, "select count(*) from storefront_events where load_date < occurred_at::date") == 0


def test_funnel_rates_are_those_of_a_shop(shop):
    shop.db.execute(f"""
        create or replace temp table sessions as
        with events as (
            select distinct on (event_id) event_id, visitor_id, occurred_at, event_type from storefront_events
            where {HUMAN} and visitor_id is not null
        ),
        marked as (
            select *, coalesce(occurred_at - lag(occurred_at) over w > interval 30 minute, true) as is_first
            from events window w as (partition by visitor_id order by occurred_at, event_id)
        ),
        numbered as (
            select *, sum(is_first::int) over (partition by visitor_id order by occurred_at, event_id) as number from marked
        )
        select
            visitor_id, number,
            count(*) filter (event_type = 'product_view')
                - (arg_min(event_type, (occurred_at, event_id)) = 'product_view')::int as products,
            bool_or(event_type = 'add_to_cart') as carts,
            bool_or(event_type = 'checkout_complete') as buys,
            min(occurred_at)::date <> max(occurred_at)::date as crosses_midnight
        from numbered group by all
    """)
    products, carts, buys, midnight, sessions = shop.db.execute("""
        select avg((products > 0)::int), avg(carts::int), avg(buys::int), count(*) filter (crosses_midnight), count(*)
        from sessions
    """).fetchall()[0]
    assert sessions > 10_000
    assert 0.30 < products < 0.42
    assert 0.075 < carts < 0.11
    assert 0.022 < buys < 0.034
    assert midnight > 0


def test_items_are_liked_unevenly_and_people_come_back(shop):
    top = _one(
        shop.db,
        f"""
        with views as (
            select item_id, count(*) as n from storefront_events where event_type = 'product_view' and {HUMAN} group by 1
        )
        select (select sum(n) from (from views order by n desc limit 40)) / sum(n) from views
    """,
    )
    assert 0.25 < top < 0.7  # a tenth of the items
    back = _one(
        shop.db,
        f"""
        select avg((days > 1)::int)
        from (select count(distinct occurred_at::date) as days from storefront_events where {HUMAN} group by visitor_id)
    """,
    )
    assert 0.4 < back < 0.95


def test_tastes_predict_what_people_see_better_than_popularity_does(shop):
    """Two visits of one person share items far more often than two visits of different people."""
    same, other = shop.db.execute(f"""
        with views as (
            select distinct visitor_id, item_id, occurred_at::date as day from storefront_events
            where event_type = 'product_view' and {HUMAN} and visitor_id is not null
        ),
        days as (select visitor_id, day, list(item_id) as items from views group by all having count(*) >= 3),
        ordered as (
            select *, lead(items) over (partition by visitor_id order by day) as own,
                lead(items) over (order by hash(visitor_id || day)) as foreign_items
            from days
        )
        select avg(len(list_intersect(items, own)) / len(own)),
            avg(len(list_intersect(items, foreign_items)) / len(foreign_items))
        from ordered where own is not null
    """).fetchall()[0]
    assert same > 2.5 * other


def test_money_adds_up_to_the_cent(shop):
    wrong = _one(
        shop.db,
        """
        select count(*) from order_events
        where event_type = 'order_placed' and try_cast(amount as decimal(18, 4)) is not null and try_cast(quantity as bigint) > 0
            and amount::decimal(18, 4) <> quantity::bigint * unit_price::decimal(18, 4) - discount::decimal(18, 4)
    """,
    )
    assert wrong == 0
    too_much = _one(
        shop.db,
        """
        with orders as (select distinct on (event_id) * from order_events where try_cast(amount as decimal(18, 4)) is not null),
        lines as (
            select site_id, order_id, order_line_id,
                sum(amount::decimal(18, 4)) filter (event_type = 'order_placed') as paid,
                sum(amount::decimal(18, 4)) filter (event_type in ('line_refunded', 'order_cancelled')) as back
            from orders group by all
        )
        select count(*) from lines where paid is not null and back > paid
    """,
    )
    assert too_much == 0


def test_stock_runs_out_and_comes_back(shop):
    emptied, refilled = shop.db.execute("""
        with states as (
            select site_id, item_id, try_cast(stock as bigint) as stock,
                lead(try_cast(stock as bigint)) over (partition by site_id, item_id order by occurred_at) as later
            from catalog_items where item_type = 'product'
        )
        select count(*) filter (stock = 0), count(*) filter (stock = 0 and later > 0) from states
    """).fetchall()[0]
    assert emptied > 10
    assert refilled > 5


def test_prices_end_in_99_and_cost_about_half(shop):
    rows = shop.db.execute("""
        select avg((right(price, 3) = '.99')::int), min(try_cast(unit_cost as double) / try_cast(price as double)),
            max(try_cast(unit_cost as double) / try_cast(price as double))
        from catalog_items
        where item_type = 'product' and try_cast(price as double) > 0 and load_date = (select min(load_date) from catalog_items)
    """).fetchall()[0]
    assert rows[0] == 1
    assert rows[1] > 0.44
    assert rows[2] < 0.66 / 0.7 + 0.01  # where a sale of 30 % has begun on the first day


def test_late_double_and_broken_deliveries_come_in_the_stated_shares(shop):
    truth = duckdb.execute(f"""
        select sum(delivered), sum(late), sum(duplicated), sum(broken), {", ".join(f"sum(broken_{k})" for k in KINDS[1:])}
        from '{shop.truth}/deliveries.parquet'
        where stream in ('storefront_events', 'recommendation_events')
    """).fetchall()[0]
    delivered, late, twice, broken, *kinds = (int(value) for value in truth)
    assert 0.014 < late / delivered < 0.020  # 1 in 50, less those that come after the 21 days
    assert 0.008 < twice / delivered < 0.012
    assert 0.0014 < broken / delivered < 0.0026
    assert all(kinds)  # every way of being broken occurs
    ids, different = shop.db.execute(
        "select count(event_id), count(distinct event_id) from storefront_events"
    ).fetchall()[0]
    told = duckdb.execute(
        f"select sum(duplicated) from '{shop.truth}/deliveries.parquet' where stream = 'storefront_events'"
    ).fetchall()[0][0]
    assert ids - different == told


def test_what_is_broken_lies_beside_the_parquet_file_as_text(shop):
    told = duckdb.execute(
        f"select sum(broken) from '{shop.truth}/deliveries.parquet' where stream = 'storefront_events'"
    ).fetchall()[0][0]
    lines = [
        line
        for path in sorted((shop.landing / "storefront_events").glob("*/*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    assert len(lines) == told
    with pytest.raises(json.JSONDecodeError):
        [json.loads(line) for line in lines]


def test_an_unannounced_field_appears_in_the_middle_of_the_period(shop):
    first, share = shop.db.execute(
        "select min(load_date) filter (ab_cookie is not null), avg((ab_cookie is not null)::int) from storefront_events"
    ).fetchall()[0]
    assert (first - shop.summary.first_day).days == shop.config.days // 2
    assert 0.08 < share < 0.25


def test_events_after_a_sign_in_carry_the_customer_until_sign_out(shop):
    carried = _one(
        shop.db,
        """
        select avg((customer_id is not null)::int) from storefront_events where event_type in ('sign_in', 'sign_out')
    """,
    )
    assert carried == 1
    false = _one(shop.db, "select avg((not is_success)::int) from storefront_events where event_type = 'sign_in'")
    assert 0.01 < false < 0.06
    guests = _one(
        shop.db, "select avg((customer_id is null)::int) from storefront_events where event_type = 'checkout_complete'"
    )
    assert 0.3 < guests < 0.6


def test_robots_are_one_session_in_a_hundred_with_many_pages(shop):
    robots, people = shop.db.execute(f"""
        select count(distinct visitor_id) filter (not {HUMAN}), count(*) filter (not {HUMAN}) from storefront_events
    """).fetchall()[0]
    assert 0.007 < robots / shop.summary.sessions < 0.013  # a robot keeps no cookie: a visitor is a session
    assert people / robots > 15


def test_some_devices_are_shared_by_two_people(shop):
    share = duckdb.execute(f"""
        select avg((n > 1)::int) from (select count(*) as n from '{shop.truth}/devices.parquet' group by visitor_id)
    """).fetchall()[0][0]
    assert 0.008 < share < 0.04


def test_every_format_delivers_the_same_records(tmp_path):
    counts = {}
    for file_format in ("parquet", "jsonl", "csv"):
        folder = tmp_path / file_format
        simulate(
            ShopConfig(**SMALL, **SOUND, file_format=file_format), landing_dir=folder, truth_dir=tmp_path / "truth"
        )
        read = {
            "parquet": "read_parquet('{}', union_by_name = true)",
            "jsonl": "read_json('{}', union_by_name = true)",
            "csv": "read_csv('{}', union_by_name = true, all_varchar = true)",
        }[file_format]
        counts[file_format] = {
            stream: duckdb.sql(
                "select count(*), md5(string_agg(event_id, ',' order by event_id)) from "
                + read.format(folder / stream / "*" / f"*.{file_format}")
            ).fetchall()
            for stream in STREAMS
            if stream != "message_events"
        }
    assert counts["parquet"] == counts["jsonl"] == counts["csv"]


def test_people_have_second_accounts_till_numbers_and_cards_that_lead_to_them(shop):
    """A guest's e-mail, a card at the till and a shared telephone are there to be found, with the truth beside them."""
    guests, with_card, till, clicks = shop.db.execute("""
        select count(*) filter (customer_id is null and email is not null), count(*) filter (loyalty_id is not null),
            count(*) filter (customer_id like 'T%'),
            (select count(*) from message_events where event_type = 'clicked' and visitor_id is not null)
        from order_events where event_type = 'order_placed'
    """).fetchall()[0]
    assert min(guests, with_card, till, clicks) > 0
    second, same_telephone = shop.db.execute("""
        select count(distinct s.customer_id), count(distinct s.customer_id) filter (f.customer_id is not null)
        from profile_events as s
        left join profile_events as f on f.phone = s.phone and f.customer_id like 'C%' and f.email <> s.email
        where s.customer_id like 'D%' and s.phone is not null
    """).fetchall()[0]
    assert second > 0
    assert same_telephone >= 0.9 * second  # the first account's record may be broken or late
    truth = duckdb.execute(f"""
        select count(*) filter (customer_id like 'D%') from '{shop.truth}/accounts.parquet'
    """).fetchall()[0][0]
    assert second <= truth


def test_offices_and_kiosks_are_devices_of_many_people(shop):
    crowds = duckdb.execute(f"""
        select count(*) from (select visitor_id from '{shop.truth}/devices.parquet' group by 1 having count(*) > 5)
    """).fetchall()[0][0]
    assert crowds > 0


def test_some_who_leave_for_good_delete_their_account_the_day_after(shop):
    deleted = shop.db.sql("""
        select p.customer_id, p.load_date, p.occurred_at::timestamp::date as day
        from profile_events as p where event_type = 'account_deleted' order by all
    """).fetchall()
    true = shop.db.sql(f"""
        select d.customer_id, d.deleted_on, d.deleted_on
        from read_parquet('{shop.truth}/deleted_accounts.parquet') as d order by all
    """).fetchall()
    assert deleted == true  # each once, sound and on its day
    # 55 % of 2,500 people are members, 1 in 150 leaves on a day, of 12 of these one deletes: about 15 in 21 days
    assert 5 <= len(deleted) <= 30
    first = shop.config.last_day - timedelta(days=shop.config.days - 1)
    later = shop.db.sql(f"""
        select count(*) from storefront_events as e
        join read_parquet('{shop.truth}/deleted_accounts.parquet') as d using (customer_id)
        where e.occurred_at::timestamp > d.deleted_on + interval 1 day
            and coalesce(e.is_success, true)  -- anybody may try to sign in with a wrong number
    """).fetchall()
    assert later == [(0,)]
    left = shop.db.sql(f"""
        select bool_and(deleted_on = date '{first}' + leaving_day::integer + 1)
        from read_parquet('{shop.truth}/deleted_accounts.parquet')
        join read_parquet('{shop.truth}/people.parquet') using (person_key)
    """).fetchall()
    assert left == [(True,)]


def test_who_deletes_an_account_changes_nothing_else(tmp_path, read_landing):
    events = {}
    for share in (0.0, 1.0):
        folder = tmp_path / str(share)
        config = ShopConfig(people=300, items=60, days=8, deleted_share=share)
        simulate(config, landing_dir=folder / "landing", truth_dir=folder / "truth")
        db = read_landing(folder / "landing")
        events[share] = db.sql("select * exclude (filename) from storefront_events order by all").fetchall()
        others = "select * exclude (event_id, filename) from profile_events where event_type <> 'account_deleted'"
        events[share] += db.sql(f"{others} order by all").fetchall()
    assert len(events[0.0]) > 1000
    assert events[0.0] == events[1.0]
