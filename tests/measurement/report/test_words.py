from datetime import date
from decimal import Decimal

import pytest

from perso_pipeline.measurement.report.words import NBSP, effect, headline, listed, round_amount

NIGHT = date(2026, 1, 10)
TOTALS = [
    {"site_id": "uk", "currency": "GBP", "net": Decimal(80000), "recommended_net": Decimal(8000)},
    {"site_id": "ie", "currency": "EUR", "net": Decimal(500), "recommended_net": None},
]


def lift_row(**more):
    return {
        "kind": "holdout", "site_id": "all", "metric": "net_revenue_per_visitor", "verdict": "better", "reason": None,
        "treatment_units": 900, "control_units": 100, "difference": 0.5, "ci_low": 0.1, "ci_high": 0.9,
        "relative_lift": 0.031, "relative_sequence_low": 0.004, "relative_sequence_high": 0.058, **more,
    }  # fmt: skip


def said(totals, lift):
    return headline(totals, lift, night=NIGHT, days=28).replace(NBSP, " ")


def test_an_effect_is_said_with_its_interval():
    assert effect(lift_row(), 0.95).replace(NBSP, " ") == (
        "Net revenue per visitor: 3.1 % higher than among those held back "
        "(95 % interval +0.4 % to +5.8 %); chance alone does not explain it."
    )


def test_an_effect_that_may_be_chance_is_called_so():
    row = lift_row(metric="orders_per_visitor", verdict="not enough data", relative_lift=-0.02)
    assert effect(row, 0.95).replace(NBSP, " ").startswith("Orders per visitor: 2.0 % lower than among those held back")
    assert effect(row, 0.95).endswith("this may still be chance.")


def test_a_broken_comparison_states_no_effect():
    row = lift_row(verdict="broken", reason="The arms have 900 and 160 visitors.")
    assert effect(row, 0.95) == "The comparison is broken and says nothing: the arms have 900 and 160 visitors."


@pytest.mark.parametrize(
    ("row", "ending"),
    [
        (lift_row(), "they raised net revenue per visitor by 3.1 % (interval +0.4 % to +5.8 %)."),
        (lift_row(verdict="worse", relative_lift=-0.031), "they lowered net revenue per visitor by 3.1 %"),
        (lift_row(verdict="not enough data"), "whether they added any cannot be told yet"),
        (lift_row(verdict="no difference larger than x"), "what they added to net revenue per visitor is small"),
        (lift_row(verdict="broken"), "for the comparison with those held back is broken."),
        (lift_row(relative_lift=None, reason="Only 7 ordered."), "what they added cannot be said: only 7 ordered."),
        (lift_row(kind="scenario_control"), "for no list was served while a group was held back."),
    ],
    ids=["better", "worse", "too few", "small", "broken", "not estimable", "no holdout"],
)  # fmt: skip
def test_the_headline_says_what_recommendations_added(row, ending):
    assert ending in said(TOTALS, [row])


def test_the_headline_keeps_currencies_apart():
    assert "net revenue was 500.00 EUR and 80,000 GBP, 0.0 % and 10.0 % of it" in said(TOTALS, [])


def test_the_headline_takes_orders_where_revenue_cannot_be_compared():
    rows = [lift_row(relative_lift=None, verdict="not estimable"), lift_row(metric="orders_per_visitor")]
    assert "they raised orders per visitor" in said(TOTALS, rows)


def test_the_headline_of_a_shop_without_orders_says_so():
    assert said([], []) == "No order is known for the 28 days to 10 January 2026."


def test_small_amounts_keep_their_cents():
    assert round_amount(Decimal("999.99"), "EUR") == f"999.99{NBSP}EUR"
    assert round_amount(Decimal("-1000.60")) == "\N{MINUS SIGN}1,001"


def test_a_list_ends_with_and():
    assert (listed([]), listed(["a"]), listed(["a", "b", "c"])) == ("", "a", "a, b and c")
