"""What the sections say of rows whose answer is known; what stands where in the page is in test_page.py."""

import re
from datetime import date
from decimal import Decimal

from perso_pipeline.measurement.config import MeasurementConfig
from perso_pipeline.measurement.report.data import ReportData
from perso_pipeline.measurement.report.sections import attribution, business, effect, funnel, restatement, trust
from perso_pipeline.measurement.report.words import NBSP

NIGHT = date(2026, 1, 10)


def data(**rows):
    empty = {name: [] for name in ReportData.__annotations__ if name not in {"night", "movements", "differences"}}
    sites = [{"site_id": "uk", "name": "Shop UK", "currency": "GBP", "timezone": "Europe/London"}]
    return ReportData(**{**empty, "sites": sites, "night": NIGHT, "movements": 0, "differences": (), **rows})


def text(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.replace(NBSP, " "))).strip()


def change(**more):
    row = {
        "cause": "refund", "site_id": "uk", "currency": "GBP", "since_night": date(2026, 1, 9), "days": 2,
        "first_date": date(2026, 1, 3), "last_date": date(2026, 1, 5), "movements": 2, "orders": 0,
        "net": Decimal(-30), "moved": Decimal(30),
    }  # fmt: skip
    return {**row, **more}


def test_changes_since_the_report_before_are_said_with_their_cause():
    moved = change(cause="segment_change", days=1, net=Decimal(0), moved=Decimal(80))
    said = text(restatement.changes(data(restatement=[moved, change()])))
    assert "the report of 9 January 2026 covered has changed by \N{MINUS SIGN}30.00 GBP since" in said
    assert "Shop UK: refunds took off 30.00 GBP on 2 days (3 January 2026 to 5 January 2026)." in said
    assert "moved 40.00 GBP between cells of one day (3 January 2026); the totals stay." in said  # 80 out and in


def test_no_change_and_no_earlier_report_are_two_things():
    assert "This is the first report" in text(restatement.changes(data()))
    since = [{"since_night": date(2026, 1, 9)}]
    assert "No figure of the report of 9 January 2026 has changed." in text(restatement.changes(data(since=since)))


def found(**rows):
    return {one.check: one for one in trust.findings(data(**rows), MeasurementConfig())}


def test_a_change_without_a_cause_is_a_fault():
    one = found(restatement=[change(cause="unexplained")])["Changes of earlier reports are explained"]
    assert (one.state, one.sentence) == ("fault", "Figures of 2 days changed for no reason that is known.")


def health(site_id, status, sentence):
    return {
        "experiment_id": "holdout", "check_name": "sample_ratio", "site_id": site_id, "status": status,
        "sentence": sentence,
    }  # fmt: skip


def test_a_broken_site_is_named_and_the_worst_stands_first():
    rows = [health("all", "too few to tell", "Several."), health("de", "sound", "Ok."), health("uk", "broken", "Off.")]
    findings = trust.findings(data(health=rows), MeasurementConfig())
    assert findings[0] == ("Arms have the sizes of their split (holdout)", "fault", "Shop UK: Off.")


def test_sites_that_are_sound_are_not_hidden_by_a_sum_that_cannot_be_made():
    rows = [health("all", "too few to tell", "Several currencies."), health("uk", "sound", "Alike.")]
    assert found(health=rows)["Arms have the sizes of their split (holdout)"].state == "sound"


def test_intervals_that_fail_on_random_splits_are_a_fault():
    row = {"site_id": "uk", "share": 0.2, "splits": 400, "status": "does not hold"}
    one = found(self_tests=[row])["Measurement tested on itself"]
    assert (one.state, one.sentence) == ("fault", "1 of 1 tests over 400 random splits fail (Shop UK).")


def test_nothing_is_called_sound_that_was_not_looked_at():
    states = {check: one.state for check, one in found().items()}
    assert states["Figures add up to the orders"] == "cannot tell"
    assert states["Arms of experiments"] == "cannot tell"
    assert states["Measurement tested on itself"] == "cannot tell"
    assert states["Many comparisons"] == "cannot tell"
    assert states["Buyers are known"] == "cannot tell"
    assert states["Data arrives"] == "cannot tell"


def rule(name, scenario_id, net, claimed):
    return {
        "rule": name, "site_id": "uk", "currency": "GBP", "scenario_id": scenario_id, "orders": 1, "net": Decimal(net),
        "claimed_net": Decimal(claimed),
    }  # fmt: skip


def test_rules_stand_side_by_side_and_say_what_is_claimed_twice():
    rules = [
        rule("request", "none", 90, 0), rule("request", "home", 10, 10),
        rule("click_7_days", "none", 60, 0), rule("click_7_days", "home", 30, 40), rule("click_7_days", "cart", 10, 25),
    ]  # fmt: skip
    overlap = [
        {"site_id": "uk", "currency": "GBP", "is_contested": contested, "request": request, "click_30_minutes": False,
         "click_7_days": clicked, "unit": False, "lines": 1, "net": Decimal(net)}
        for contested, request, clicked, net in ((False, False, False, 60), (True, True, True, 10), (False, False, True, 30))
    ]  # fmt: skip
    said = text(attribution.rules(data(rules=rules, overlap=overlap)))
    # 40 claimed by home and 25 by cart are 65; 40 are credited
    assert "click, 7 days 10.00 30.00 40.00 40.0 % 65.00 25.00" in said
    assert "named by order 0.00 10.00 10.00 10.0 % 10.00 0.00" in said
    assert (
        "Of 100.00 GBP net 60.0 % is claimed by no rule, 0.0 % by every rule and 10.0 % by several scenarios." in said
    )


def business_row(**more):
    row = {
        "site_id": "uk", "currency": "GBP", "is_recent": True, "channel": "email", "visits": 100, "orders": 4,
        "new_orders": 1, "net": Decimal(200), "new_net": Decimal(20), "returned_orders": 1, "coupon_orders": 2,
        "units_sold": 9, "units_returned": 1,
    }  # fmt: skip
    return {**row, **more}


def test_business_figures_stand_beside_those_of_before():
    rows = [
        business_row(),
        business_row(channel="direct", orders=0, net=Decimal(0)),
        business_row(is_recent=False, orders=2),
    ]
    said = text(business.business(data(business=rows)))
    assert "Conversion (orders per visit) 2.0 % 2.0 %" in said  # 4 of 200, 2 of 100
    assert "Net per order 50.00 100.00" in said


def test_a_figure_without_a_base_is_a_dash():
    said = text(business.business(data(business=[business_row(visits=0, orders=0, net=Decimal(0))])))
    assert "Conversion (orders per visit) \N{EN DASH} \N{EN DASH}" in said


def test_lists_held_back_are_counted_but_not_drawn():
    shown = {
        "site_id": "uk", "scenario_id": "home", "variant": "treatment", "requests": 100, "impressions": 80,
        "viewable_impressions": 40, "clicks": 6, "clicked_requests": 4, "carts": 2, "orders": 1, "net_revenue": Decimal(9),
    }  # fmt: skip
    held = {**shown, "variant": "control", **dict.fromkeys(("impressions", "viewable_impressions", "clicks"), 0)}
    html = funnel.funnel(data(funnel=[shown, {**held, "clicked_requests": 0}]))
    assert "80.0 % of lists served were drawn (80 of 100)" in html.replace(NBSP, " ")
    assert html.count("of lists served were drawn") == 1
    assert "held back" in text(html)


def cell(**more):
    row = {
        "experiment_id": "holdout", "site_id": "uk", "dimension": "channel", "cell": "email", "pooled_cells": None,
        "metric": "net_revenue_per_visitor", "currency": "GBP", "treatment_units": 900, "control_units": 100,
        "relative_lift": 0.2, "relative_ci_low": 0.1, "relative_ci_high": 0.3, "q_value": 0.01, "verdict": "better",
        "reason": None,
    }  # fmt: skip
    return {**row, **more}


def test_cells_that_differ_are_named_and_pooled_ones_keep_their_names():
    small = cell(cell="small cells", pooled_cells=["ads", "sms"], q_value=0.6, verdict="not enough data")
    said = text(effect.cells(data(lift_cells=[cell(), small]), MeasurementConfig()))
    assert "Of 2 cells with enough visitors 1 are better or worse" in said
    assert "email (Shop UK): better, +20.0 % (+10.0 % to +30.0 %)." in said
    assert "small cells: ads, sms" in said
