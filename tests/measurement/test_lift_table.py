from datetime import date
from decimal import Decimal
from fractions import Fraction

import pyarrow as pa
import pytest

from perso_pipeline.measurement.config import MeasurementConfig
from perso_pipeline.measurement.lift import Moments, compare
from perso_pipeline.measurement.lift_table import lift_table

NIGHT = date(2026, 1, 10)
PLAIN = MeasurementConfig()


def arm(site="uk", variant="treatment", *, units=900, ordering=300, net=Decimal(9000), currency="GBP"):
    return {
        "night": NIGHT, "experiment_id": "holdout", "site_id": site, "variant": variant, "units": units,
        "ordering_units": ordering, "orders": ordering, "orders_squared": ordering, "net": net,
        "net_squared": net * 40, "first_currency": currency, "last_currency": currency,
    }  # fmt: skip


def control(site="uk", **more):
    return arm(site, "control", **{"units": 100, "ordering": 30, "net": Decimal(800), **more})


def table_of(*rows, sites=("uk", "de"), config=PLAIN, rates=()):
    found = lift_table(
        pa.Table.from_pylist(list(rows)) if rows else pa.table({"experiment_id": pa.array([], pa.string())}),
        night=NIGHT, shares={"holdout": 0.1}, sites=sites, config=config, rates=dict(rates),
    )  # fmt: skip
    return {(row["site_id"], row["metric"]): row for row in found.to_pylist()}


def test_an_effect_is_that_of_the_moments():
    row = table_of(arm(), control())["uk", "net_revenue_per_visitor"]
    expected = compare(Moments.of(900, 9000, 360000), Moments.of(100, 800, 32000))
    assert (row["difference"], row["ci_low"], row["ci_high"]) == (expected.difference, expected.low, expected.high)
    assert (row["treatment_mean"], row["control_mean"], row["currency"]) == (10.0, 8.0, "GBP")
    assert row["verdict"] == "no difference shown"


def test_a_site_without_visitors_says_so_and_has_no_numbers():
    row = table_of(arm(), control())["de", "orders_per_visitor"]
    assert (row["verdict"], row["reason"]) == ("not estimable", "No recommendation request was served.")
    assert row["difference"] is row["ci_low"] is row["relative_lift"] is row["sample_ratio_p"] is None


def test_a_broken_split_hides_the_effect():
    row = table_of(arm(units=900), control(units=160))["uk", "orders_per_visitor"]
    assert row["verdict"] == "not estimable"
    assert "which the split does not explain" in row["reason"]
    assert row["sample_ratio_p"] < 0.001
    assert row["difference"] is None


def test_few_buyers_give_no_effect():
    row = table_of(arm(), control(ordering=7))["uk", "orders_per_visitor"]
    assert row["reason"] == "Only 7 visitors in control ordered; 25 are needed."


def test_sites_are_added_up_where_they_can_be():
    rows = table_of(arm(), control(), arm("de"), control("de"))
    assert rows["all", "net_revenue_per_visitor"]["treatment_units"] == 1800
    assert rows["all", "net_revenue_per_visitor"]["difference"] == pytest.approx(2.0)


def test_revenue_in_two_currencies_is_not_added_up_but_orders_are():
    rows = table_of(arm(), control(), arm("de", currency="EUR"), control("de", currency="EUR"))
    assert rows["all", "net_revenue_per_visitor"]["reason"] == (
        "Revenue is in EUR and GBP, which cannot be added up without report_currency in measurement.yml and a rate into "
        "it from exchange_rates."
    )
    assert rows["all", "orders_per_visitor"]["verdict"] != "not estimable"


def test_revenue_in_two_currencies_is_added_up_in_the_currency_of_the_report():
    euros = [arm("de", net=Decimal(18000), currency="EUR"), control("de", net=Decimal(1600), currency="EUR")]
    config = MeasurementConfig(report_currency="GBP")
    rows = table_of(arm(), control(), *euros, config=config, rates={"EUR": Fraction(1, 2)})
    together, own = rows["all", "net_revenue_per_visitor"], rows["de", "net_revenue_per_visitor"]
    # net_squared is 40 x net: 360,000 and at half the worth 720,000 / 4; control 32,000 and 64,000 / 4
    expected = compare(Moments.of(1800, 18000, 540000), Moments.of(200, 1600, 48000))
    assert (together["difference"], together["ci_low"], together["ci_high"]) == (
        expected.difference, expected.low, expected.high,
    )  # fmt: skip
    assert (together["currency"], own["currency"], own["treatment_mean"]) == ("GBP", "EUR", 20.0)


def test_a_currency_without_a_rate_is_not_added_up():
    config = MeasurementConfig(report_currency="GBP")
    euros = [arm("de", currency="EUR"), control("de", currency="EUR")]
    row = table_of(arm(), control(), *euros, config=config, rates={"USD": Fraction(1, 2)})[
        "all", "net_revenue_per_visitor"
    ]
    assert (row["verdict"], row["currency"]) == ("not estimable", None)


def test_a_site_with_orders_in_two_currencies_is_not_added_up():
    mixed = arm("de") | {"last_currency": "EUR"}
    config = MeasurementConfig(report_currency="GBP")
    row = table_of(arm(), control(), mixed, control("de"), config=config, rates={"EUR": Fraction(1, 2)})
    assert row["all", "net_revenue_per_visitor"]["verdict"] == "not estimable"


def test_no_served_request_at_all_is_a_row_per_site_and_metric():
    assert len(table_of()) == 4
