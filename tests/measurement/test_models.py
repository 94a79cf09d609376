"""The measurement SQL on the hand-made shop; the sums in the comments are made by hand from it."""

from datetime import date
from decimal import Decimal

import pytest

from perso_pipeline.measurement.reconcile import reconcile

TENTH, NINTH, FOURTH = date(2026, 1, 10), date(2026, 1, 9), date(2026, 1, 4)


def rows(warehouse, sql, **parameters):
    return [tuple(row.values()) for row in warehouse.query(sql, parameters).to_pylist()]


def test_a_refund_lowers_the_day_of_the_order_and_shows_on_its_own_day(measured):
    found = rows(
        measured,
        "select report_date, refunded, net, refunded_on_return_day, net_on_movement_day from measurement.revenue_report "
        "where night = $night and site_id = 'uk' and scenario_id = 'home' order by report_date",
        night=TENTH,
    )
    assert found == [
        (date(2026, 1, 2), Decimal(9), Decimal(9), Decimal(0), Decimal(18)),  # 20 - 2 - 9 by order day
        (date(2026, 1, 5), Decimal(0), Decimal(0), Decimal(9), Decimal(-9)),
    ]


def test_the_refund_that_is_not_known_yet_is_not_in_the_earlier_night(measured):
    found = rows(
        measured,
        "select sum(refunded), sum(net) from measurement.revenue_report where night = $night and scenario_id = 'home'",
        night=FOURTH,
    )
    assert found == [(Decimal(0), Decimal(18))]


def test_the_order_that_arrived_late_is_only_in_the_night_that_knows_it(measured):
    query = "select count(*) from measurement.revenue_report where night = $night and report_date = date '2026-01-04'"
    assert rows(measured, query, night=FOURTH) == [(0,)]
    assert rows(measured, query, night=TENTH) == [(1,)]


def test_cells_carry_channel_segment_and_scenario(measured):
    found = rows(
        measured,
        "select site_id, channel, segment_id, scenario_id, sum(orders), sum(orders_touched), sum(net) "
        "from measurement.revenue_report where night = $night group by all order by all",
        night=TENTH,
    )
    assert found == [
        ("de", "unknown", "everyone-else", "none", 1, 1, Decimal("11.0000")),
        ("uk", "email", "new-customers", "home", 0, 1, Decimal("9.0000")),
        ("uk", "email", "new-customers", "none", 1, 1, Decimal("43.0000")),  # pan 40 and postage 3
        ("uk", "offline", "new-customers", "none", 0, 0, Decimal("-7.0000")),  # a refund whose order is not known
        ("uk", "offline", "unknown", "none", 1, 1, Decimal("10.0100")),  # bought in a store by nobody known
        ("uk", "unknown", "everyone-else", "none", 1, 1, Decimal("25.0000")),  # 40 - 10 cancelled - 5 written off
    ]


def test_revenue_goes_to_the_model_whose_list_the_line_names(measured):
    found = rows(
        measured,
        "select scenario_id, model_version, variant, sum(movements), sum(net) from measurement.attributed_revenue "
        "where night = $night and rule = 'request' and site_id = 'uk' group by all order by all",
        night=TENTH,
    )
    assert found == [("home", "als-1", "treatment", 2, Decimal(9)), ("none", "none", "none", 7, Decimal("71.01"))]


FUNNEL = """select sum(requests), sum(slots), sum(impressions), sum(viewable_impressions), sum(clicks),
    sum(clicked_requests), sum(carts), sum(orders), sum(revenue), sum(net_revenue)
    from measurement.recommendation_funnel
    where night = $night and report_date = date '2026-01-02' and variant = 'treatment'"""


def test_the_funnel_counts_what_was_known_on_the_night(measured):
    assert rows(measured, FUNNEL, night=FOURTH) == [(2, 3, 1, 1, 1, 1, 1, 1, Decimal(18), Decimal(18))]
    # one more click arrived on the 5th, and the refund
    assert rows(measured, FUNNEL, night=TENTH) == [(2, 3, 1, 1, 2, 1, 1, 1, Decimal(18), Decimal(9))]


def test_a_slot_has_its_level_and_a_list_counts_at_its_first_slot(measured):
    found = rows(
        measured,
        "select slot, level, channel, requests, impressions, slots, slot_impressions, slot_views, clicks, carts, net_revenue "
        "from measurement.recommendation_funnel where night = $night and channel = 'email' order by slot",
        night=TENTH,
    )
    assert found == [  # list q1 of mug and pan, served in the visit s1; only the mug was seen
        (1, 1, "email", 1, 1, 1, 1, 1, 1, 1, Decimal(9)),
        (2, 2, "email", 0, 0, 1, 1, 0, 1, 0, Decimal(0)),
    ]


def test_a_click_through_rate_stands_under_the_name_of_its_denominator(measured):
    found = rows(
        measured,
        "select ctr_per_call, ctr_per_impression, ctr_per_viewable_impression, clicked_request_rate, slots_per_request "
        "from measurement.funnel_rates where night = $night and report_date = date '2026-01-02' and variant = 'treatment'",
        night=TENTH,
    )
    assert found == [(1.0, 2.0, 2.0, 0.5, 1.5)]  # two clicks: of two calls, one drawn and seen, one clicked


def test_a_night_stores_what_it_learned_and_no_day_again(measured):
    query = "select night, sum(requests), sum(clicks), sum(net_revenue) from measurement.funnel_days group by all order by all"
    assert rows(measured, query) == [
        (date(2026, 1, 2), 3, 1, Decimal(18)),
        (date(2026, 1, 3), 2, 0, Decimal(0)),
        (date(2026, 1, 5), 0, 1, Decimal(-9)),  # the late click, the refund
    ]


def test_visitors_are_in_the_arm_of_their_hash_and_mixed_people_and_mismatches_are_marked(measured):
    found = rows(
        measured,
        "select unit_id, variant, served_variant, assigned_date, person_id, is_mixed, is_mismatched, is_switched, channel "
        "from measurement.assignments where night = $night order by unit_id",
        night=TENTH,
    )
    assert found == [  # the robot is not there
        ("v1", "treatment", "treatment", date(2026, 1, 2), "p1", False, False, False, "email"),
        ("v2", "control", "control", date(2026, 1, 2), "p2", False, False, False, "direct"),
        ("v3", "treatment", "treatment", date(2026, 1, 2), "p3", True, True, True, "unknown"),
        ("v4", "control", "control", date(2026, 1, 3), "p3", True, False, False, "unknown"),
    ]


def test_moments_count_visitors_without_orders_as_zero(measured):
    found = rows(
        measured,
        "select variant, units, ordering_units, mixed_units, switched_units, orders, net, net_squared "
        "from measurement.lift_moments where night = $night and dimension = 'total' and period = 'to_date' order by variant",
        night=TENTH,
    )
    assert found == [
        ("control", 2, 1, 1, 0, 1, Decimal(25), Decimal(625)),
        ("treatment", 2, 1, 1, 1, 1, Decimal(52), Decimal(2704)),  # v1: 61 - 9; the order on the other site is not its
    ]


def test_readiness_says_what_is_missing_for_what(measured):
    found = rows(
        measured,
        "select site_id, events_28d, status, reason from measurement.readiness "
        "where night = $night and event_type = 'product_view' order by site_id",
        night=TENTH,
    )
    assert found == [
        ("de", 0, "missing", "No product_view event arrived; send it to have product affinities and item models."),
        ("uk", 1, "few", "Only 1 of at least 1000 product_view events arrived."),  # the robot's view does not count
    ]


@pytest.mark.parametrize(("night", "movements", "with_ledger"), [(TENTH, 10, True), (FOURTH, 5, False)])
def test_every_figure_adds_up_to_the_order_movements(measured, night, movements, with_ledger):
    found = reconcile(measured, night)
    assert found.differences == ()
    assert (found.movements, found.compared_with_ledger) == (movements, with_ledger)


def test_a_window_that_cuts_between_order_and_refund_still_adds_up(measured):
    found = reconcile(measured, NINTH)
    assert found.differences == ()
    assert not found.compared_with_ledger
    # the order of the 2nd is outside, its refund of the 5th inside: 9 + 7 paid back, 7 on orders of the window
    sums = "select sum(refunded), sum(refunded_on_return_day) from measurement.revenue_report where night = $night"
    assert rows(measured, sums, night=NINTH) == [(Decimal(7), Decimal(16))]


FAULTS = {
    "a refund counted twice": (
        "update measurement.revenue_report set refunded = refunded * 2, net = net - refunded where night = '2026-01-10'",
        "revenue_report: refunded of uk in GBP is 32.0000, order_movements has 16.0000 (difference +16.0000)",
    ),
    "an order dropped": (
        "delete from measurement.revenue_report where night = '2026-01-10' and site_id = 'de'",
        "revenue_report: movements of de in EUR is 0, order_movements has 1 (difference -1)",
    ),
    "a movement in two cells": (
        """update measurement.revenue_report set movements = movements + 1
        where night = '2026-01-10' and channel = 'email' and scenario_id = 'home'""",
        "revenue_report: movements of uk in GBP is 11, order_movements has 9 (difference +2)",
    ),
    "a refund booked on no day": (
        "update measurement.revenue_report set refunded_on_return_day = 0 where night = '2026-01-10'",
        "revenue_report: refunded_on_return_day of uk in GBP is 0.0000, order_movements has 16.0000 (difference -16.0000)",
    ),
    "a cent lost in attribution": (
        """update measurement.attributed_revenue set gross = gross - 0.01
        where night = '2026-01-10' and rule = 'request' and site_id = 'de'""",
        "attributed_revenue by request: gross of de in EUR is 10.9900, order_movements has 11.0000 (difference -0.0100)",
    ),
    "an order counted for two rules' winners": (
        """insert into measurement.attributed_revenue by name from measurement.attributed_revenue
        where night = '2026-01-10' and rule = 'linear' and site_id = 'de'""",
        "attributed_revenue by linear: gross of de in EUR is 22.0000, order_movements has 11.0000 (difference +11.0000)",
    ),
    "a refund counted twice by one rule": (
        """update measurement.attributed_revenue set refunded = refunded * 2, net = net - refunded
        where night = '2026-01-10' and rule = 'request'""",
        "attributed_revenue by request: refunded of uk in GBP is 32.0000, order_movements has 16.0000 (difference +16.0000)",
    ),
    "a claim that the overlap does not know": (
        """update measurement.attributed_revenue set claimed_net = claimed_net + 1
        where night = '2026-01-10' and rule = 'request' and scenario_id = 'home'""",
        "attributed_revenue by request: claimed_net of uk in GBP is 10.0000, attribution_overlap has 9.0000 (difference +1.0000)",
    ),
    "revenue that nobody attributes lost": (
        "delete from measurement.attribution_overlap where night = '2026-01-10' and claimed_by = 'nobody' and site_id = 'de'",
        "attribution_overlap: net of de in EUR is 0, order_movements has 11.0000 (difference -11.0000)",
    ),
    "an order lost from the business figures": (
        "delete from measurement.business_days where night = '2026-01-10' and customer_type = 'new' and site_id = 'de'",
        "business_days: net of de in EUR is 0, revenue_report has 11.0000 (difference -11.0000)",
    ),
    "a person in two segments counted twice in the total": (
        """update measurement.segment_revenue set movements = movements * 2, gross = gross * 2, net = net + gross
        where night = '2026-01-10' and is_total and site_id = 'de'""",
        "segment_revenue of all: net of de in EUR is 22.0000, order_movements has 11.0000 (difference +11.0000)",
    ),
    "a refund not converted": (
        "update measurement.revenue_report set site_refunded = 0, site_net = site_net + site_refunded where night = '2026-01-10'",
        "revenue_report: site_refunded of uk in GBP is 0.0000, order_movements has 16.0000 (difference -16.0000)",
    ),
    "a ledger that says otherwise": (
        "update interactions.order_lines set net = net + 1 where site_id = 'de'",
        "revenue_report: net of de in EUR is 11.0000, order_lines has 12.0000 (difference -1.0000)",
    ),
}


@pytest.mark.parametrize(("fault", "sentence"), FAULTS.values(), ids=FAULTS.keys())
def test_a_planted_fault_is_named_by_its_figure(measured, fault, sentence):
    with measured.connect() as connection:
        connection.execute(fault)
    assert sentence in [str(difference) for difference in reconcile(measured, TENTH).differences]


def test_revenue_by_any_segment_counts_a_person_in_each_and_the_total_once(measured):
    found = rows(
        measured,
        "select segment_id, is_total, sum(net) from measurement.segment_revenue "
        "where night = $night and site_id = 'uk' group by all order by all",
        night=TENTH,
    )
    assert found == [  # p1 is in two segments: 52 of order A less 7 paid back without an order
        ("all", True, Decimal("80.0100")),
        ("mug-lovers", False, Decimal(45)),
        ("new-customers", False, Decimal(45)),
        ("no-segment", False, Decimal("35.0100")),
    ]
