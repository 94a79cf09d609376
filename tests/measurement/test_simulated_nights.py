"""Money adds up on every night of a simulated shop, whatever arrives late, comes back, is called off or merges."""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from perso_pipeline.measurement.reconcile import reconcile
from perso_pipeline.measurement.restatement import explain
from perso_pipeline.resources.warehouse import DuckDBWarehouse
from tests.dbt_builds import build
from tests.measurement.conftest import MEASUREMENT

FIRST = date(2026, 3, 1)
NIGHTS = [FIRST + timedelta(days=days) for days in (11, 12, 13, 19)]
ORDERS = 600
RATES = {"GBP": Decimal(1), "EUR": Decimal("0.8642"), "USD": Decimal("0.7813")}  # to pounds; both sites count in pounds


def movements(rng: np.random.Generator) -> list[dict]:
    """Sales of one to three lines on twelve days; one in six comes back, one in ten is called off, one in five arrives late."""
    found = []

    def move(kind: str, order: dict, line: int, day: date, **amounts: Decimal) -> None:
        money = {name: amounts.get(name, Decimal(0)) for name in ("gross", "discount", "cancelled", "refunded")}
        late = int(rng.integers(1, 4)) if rng.random() < 0.2 else 0
        found.append(
            order
            | money
            | {
                "movement_id": f"m{len(found)}",
                "order_line_id": str(line),
                "movement": kind,
                "movement_date": day,
                "item_id": f"i{rng.integers(40)}",
                "quantity": 1 if kind == "sale" else -1,
                "cost": Decimal("1.5") if rng.random() < 0.9 else None,
                "known_on": day + timedelta(days=late),
            }
        )

    for number in range(ORDERS):
        day = FIRST + timedelta(days=int(rng.integers(12)))
        order = {
            "order_id": f"o{number}",
            "site_id": str(rng.choice(["uk", "de"])),
            "order_date": day,
            "visitor_id": f"v{rng.integers(200)}" if rng.random() < 0.9 else None,
            "currency": str(rng.choice(list(RATES), p=[0.6, 0.3, 0.1])),
            "request_id": f"q{rng.integers(400)}" if rng.random() < 0.3 else None,
        }
        for line in range(int(rng.integers(1, 4))):
            gross = Decimal(int(rng.integers(100, 9000))) / 100
            discount = (gross / 10).quantize(Decimal("0.01")) if rng.random() < 0.3 else Decimal(0)
            move("sale", order, line, day, gross=gross, discount=discount)
            paid, chance = gross - discount, rng.random()
            if chance < 0.1:
                move("cancellation", order, line, day, cancelled=paid)
            elif chance < 0.27:
                back = (paid * Decimal(int(rng.integers(1, 4))) / 3).quantize(Decimal("0.01"))
                move("refund", order, line, day + timedelta(days=int(rng.integers(1, 8))), refunded=back)
    return found


def lists(rng: np.random.Generator) -> list[dict]:
    """400 lists of six items with clicks, some of them known a night or two later."""
    found = []
    for number in range(400):
        day = FIRST + timedelta(days=int(rng.integers(12)))
        items = [f"i{item}" for item in rng.choice(40, 6, replace=False)]
        said = {
            "site_id": str(rng.choice(["uk", "de"])),
            "request_id": f"q{number}",
            "visitor_id": f"v{rng.integers(200)}",
        }
        for event, share in (
            ("served", 1.0),
            ("rendered", 0.9),
            ("viewed", 0.6),
            ("clicked", 0.3),
            ("added_to_cart", 0.1),
        ):
            if rng.random() < share:
                late = int(rng.integers(1, 3)) if rng.random() < 0.15 else 0
                served, single = event == "served", event in ("clicked", "added_to_cart")
                found.append(
                    said
                    | {
                        "event_id": f"{event}{number}",
                        "event_type": event,
                        "event_date": day,
                        "known_on": day + timedelta(days=late),
                        "scenario_id": str(rng.choice(["home", "product"])) if served else None,
                        "variant": "treatment" if served else None,
                        "model_version": "als-1" if served else None,
                        "item_ids": None if single else items,
                        "item_id": items[0] if single else None,
                    }
                )
    return found


FILL = """
delete from interactions.order_movements; delete from interactions.site_amounts; delete from interactions.order_lines;
delete from staging.stg_recommendation_events; delete from raw.loaded_days; delete from identity.identity_map;
delete from interactions.sessions; delete from interactions.session_events; delete from measurement.report_windows;

insert into interactions.order_movements by name
select * exclude (movement_date), movement_date, movement_date::timestamp + interval 12 hour as occurred_at,
    'visitor:' || visitor_id as identifier, true as is_goods, 0 as adjusted, gross - discount - cancelled - refunded as net,
    gross - discount - cancelled - refunded - cost as margin from made_movements;
insert into interactions.site_amounts by name
select movement_id, site_id, movement_date, order_date, 'GBP' as site_currency, site_gross, site_discount, site_cancelled,
    site_refunded, 0 as site_adjusted, site_gross - site_discount - site_cancelled - site_refunded as site_net, site_cost,
    greatest(known_on, case currency when 'USD' then date '2026-03-13' else known_on end) as converted_on -- dollars: a late rate
from (select *, round(gross * rate, 4) as site_gross, round(discount * rate, 4) as site_discount,
    round(cancelled * rate, 4) as site_cancelled, round(refunded * rate, 4) as site_refunded, round(cost * rate, 4) as site_cost
    from interactions.order_movements inner join made_rates using (currency));
insert into interactions.order_lines by name
select site_id, order_id, order_line_id, currency, sum(columns(['gross', 'discount', 'cancelled', 'refunded', 'adjusted', 'net', 'cost']))
from interactions.order_movements group by all;
insert into staging.stg_recommendation_events by name
select *, event_date::timestamp + interval 9 hour as occurred_at, false as is_robot from made_events;
insert into raw.loaded_days select distinct known_on, 'recommendation_events', event_date from made_events
union select distinct known_on, 'order_events', movement_date from made_movements;

-- every visitor is somebody; on the 13th every third becomes one person with the visitor before
insert into identity.identity_map
select 'visitor:v' || n, 'visitor', 'p' || n, 1.0, date '2026-03-01', if(n % 3 = 1, date '2026-03-13', null) from range(200) t(n)
union all
select 'visitor:v' || n, 'visitor', 'p' || (n - 1), 1.0, date '2026-03-13', null from range(200) t(n) where n % 3 = 1;
insert into interactions.sessions by name
select 's' || n || site_id as session_id, site_id, 'visitor:v' || n as identifier, 'v' || n as visitor_id, date '2026-03-01' as session_date,
    timestamp '2026-03-01 08:00' as started_at, timestamp '2026-03-14 20:00' as ended_at, ['email', 'direct', 'display'][n % 3 + 1] as channel,
    false as is_robot, date '2026-03-01' as known_on
from range(150) t(n), (values ('uk'), ('de')) sites(site_id);
"""


@pytest.fixture(scope="module")
def simulated(tmp_path_factory) -> DuckDBWarehouse:
    path = tmp_path_factory.mktemp("simulated") / "perso.duckdb"
    rng = np.random.default_rng(20260301)
    with duckdb.connect(str(path)) as connection:
        for script in ("hand_made_shop.sql", "hand_made_beside.sql"):
            connection.execute((Path(__file__).parent / script).read_text(encoding="utf-8"))
        connection.register("made_movements", pa.Table.from_pylist(movements(rng)))
        connection.register("made_events", pa.Table.from_pylist(lists(rng)))
        connection.register("made_rates", pa.table({"currency": list(RATES), "rate": list(RATES.values())}))
        connection.execute(FILL)
        for night in NIGHTS:
            window = "insert into measurement.report_windows values (?, ?, ?, ?, 0, 60)"
            connection.execute(window, [night, date(2026, 1, 1), night, night - timedelta(days=6)])
            connection.execute(
                "insert into segments.primary_segment select ?, site_id, 'p' || n, 'segment-' || (n + ?) % 4 "
                "from range(180) t(n), (values ('uk'), ('de')) sites(site_id)",
                [night, night.day // 12],
            )
    for night in NIGHTS:
        build(path, MEASUREMENT, night=night.isoformat())
    return DuckDBWarehouse(path)


@pytest.mark.parametrize("night", NIGHTS, ids=str)
def test_everything_adds_up_on_every_night(simulated, night):
    found = reconcile(simulated, night)
    assert [str(difference) for difference in found.differences] == []
    assert found.movements > ORDERS


@pytest.mark.parametrize("night", NIGHTS[1:], ids=str)
def test_every_change_of_a_published_figure_has_its_cause(simulated, night):
    found = explain(simulated, night)
    assert found.faults == ()
    assert {"refund", "late_order"} <= {cause.name for cause in found.causes} or night == NIGHTS[-1]


def test_the_merge_of_people_moves_money_between_segments_and_none_in_sum(simulated):
    merges = [
        cause for cause in explain(simulated, NIGHTS[0] + timedelta(days=1)).causes if cause.name == "identity_merge"
    ]
    assert [(cause.movements, cause.net) for cause in merges] == [(0, Decimal(0))]
    assert merges[0].days > 1


FUNNEL_FAULTS = {
    "the night's lists counted twice": (
        "insert into measurement.funnel_days from measurement.funnel_days where night = '2026-03-12'",
        "requests",
    ),
    "a click dropped": ("update measurement.funnel_days set clicks = 0 where night = '2026-03-12'", "clicks"),
}


@pytest.mark.parametrize(("fault", "figure"), FUNNEL_FAULTS.values(), ids=FUNNEL_FAULTS.keys())
def test_a_fault_of_the_funnel_is_named_by_its_figure(simulated, tmp_path, fault, figure):
    copy = tmp_path / "perso.duckdb"
    copy.write_bytes(simulated.path.read_bytes())
    spoiled = DuckDBWarehouse(copy)
    with spoiled.connect() as connection:
        connection.execute(fault)
    found = [str(difference) for difference in reconcile(spoiled, NIGHTS[0]).differences]
    assert any(sentence.startswith(f"funnel_days: {figure} of uk in home is ") for sentence in found)


def test_an_erasure_of_earlier_lists_does_not_stop_the_next_night(simulated, tmp_path):
    copy = tmp_path / "perso.duckdb"
    copy.write_bytes(simulated.path.read_bytes())
    erased = DuckDBWarehouse(copy)
    with erased.connect() as connection:
        connection.execute("""delete from staging.stg_recommendation_events where request_id in (
            select request_id from staging.stg_recommendation_events group by 1 having max(known_on) < '2026-03-13')""")
    assert [str(found) for found in reconcile(erased, NIGHTS[1]).differences if found.table == "funnel_days"] == []
