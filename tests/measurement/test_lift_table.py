from datetime import date
from decimal import Decimal
from fractions import Fraction

import pyarrow as pa
import pytest

from perso_pipeline.measurement.config import MeasurementConfig
from perso_pipeline.measurement.inference.means import compare
from perso_pipeline.measurement.inference.moments import Moments
from perso_pipeline.measurement.lift_table import lift_tables

NIGHT = date(2026, 1, 10)
PLAIN = MeasurementConfig()


def arm(site="uk", variant="treatment", *, units=900, ordering=300, net=Decimal(9000), currency="GBP", **more):
    return {
        "night": NIGHT, "experiment_id": "holdout", "site_id": site, "period": "to_date", "dimension": "total",
        "cell": "all", "variant": variant, "first_assigned_date": date(2026, 1, 1), "units": units,
        "ordering_units": ordering, "orders": ordering, "orders_squared": ordering, "earlier_orders": 0,
        "earlier_orders_squared": 0, "orders_times_earlier_orders": 0, "net": net, "net_squared": net * 40,
        "mixed_net": 0, "capped_net": net, "capped_net_squared": net * 30, "orders_times_net": net,
        "earlier_net": 0, "earlier_net_squared": 0, "net_times_earlier_net": 0, "capped_net_times_earlier_net": 0,
        "first_currency": currency, "last_currency": currency, **more,
    }  # fmt: skip


def control(site="uk", **more):
    return arm(site, "control", **{"units": 100, "ordering": 30, "net": Decimal(800), **more})


def tables_of(*rows, sites=("uk", "de"), config=PLAIN, rates=(), broken=(), ended=()):
    moments = pa.Table.from_pylist(list(rows)) if rows else pa.table({"experiment_id": pa.array([], pa.string())})
    return lift_tables(
        moments,
        night=NIGHT,
        shares={"holdout": 0.1},
        ended=ended,
        sites=sites,
        broken=dict(broken),
        config=config,
        rates=dict(rates),
    )


def table_of(*rows, **more):
    return {(row["site_id"], row["metric"]): row for row in tables_of(*rows, **more).lift.to_pylist()}


def cells_of(*rows, metric="orders_per_visitor", **more):
    found = tables_of(*rows, sites=("uk",), **more).cells.to_pylist()
    return {row["cell"]: row for row in found if row["dimension"] == "channel" and row["metric"] == metric}


def test_an_effect_is_that_of_the_moments():
    row = table_of(arm(), control())["uk", "net_revenue_per_visitor"]
    expected = compare(Moments.of(900, 9000, 360000), Moments.of(100, 800, 32000))
    assert (row["difference"], row["ci_low"], row["ci_high"]) == (expected.difference, expected.low, expected.high)
    assert (row["treatment_mean"], row["control_mean"], row["currency"]) == (10.0, 8.0, "GBP")
    assert row["verdict"] == "not enough data"
    assert row["added"] == row["difference"] * 900
    assert row["sequence_low"] < row["ci_low"] < row["ci_high"] < row["sequence_high"]


def test_a_site_without_visitors_says_so_and_has_no_numbers():
    row = table_of(arm(), control())["de", "orders_per_visitor"]
    assert (row["verdict"], row["reason"]) == ("not enough data", "No recommendation request was served.")
    assert row["difference"] is row["ci_low"] is row["relative_lift"] is row["sample_ratio_p"] is None


def test_a_broken_split_hides_the_effect():
    row = table_of(arm(units=900), control(units=160))["uk", "orders_per_visitor"]
    assert row["verdict"] == "broken"
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
    assert rows["all", "net_revenue_per_visitor"]["verdict"] == "not estimable"
    assert rows["all", "orders_per_visitor"]["difference"] is not None


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
    assert len(table_of()) == 2 * 5


def test_what_is_broken_states_no_number_and_says_why():
    row = table_of(arm(), control(), broken={("holdout", "uk"): "The arms are swapped."})["uk", "orders_per_visitor"]
    assert (row["verdict"], row["reason"], row["difference"]) == ("broken", "The arms are swapped.", None)
    assert (row["treatment_units"], row["control_units"]) == (900, 100)


def big(variant="treatment", *, orders, **more):
    """A hundred times as many visitors, so that a difference of a twentieth shows."""
    rate = {"units": 90_000, "ordering": orders} if variant == "treatment" else {"units": 10_000, "ordering": orders}
    return arm(variant=variant, net=Decimal(10 * orders), **rate, **more)


def test_a_difference_that_holds_at_every_look_is_better_or_worse():
    better = table_of(big(orders=33_000), big("control", orders=3_000))["uk", "orders_per_visitor"]
    assert (better["verdict"], better["reason"]) == ("better", None)
    worse = table_of(big(orders=25_000), big("control", orders=3_000))["uk", "orders_per_visitor"]
    assert worse["verdict"] == "worse"


def test_a_narrow_interval_around_nothing_says_how_large_a_difference_could_be():
    rows = [big(orders=27_000), big("control", orders=3_000)]
    wide = table_of(*rows, config=MeasurementConfig(relevant_effect=0.03))["uk", "orders_per_visitor"]
    assert wide["verdict"] == "not enough data"
    narrow = table_of(*rows, config=MeasurementConfig(relevant_effect=0.06))["uk", "orders_per_visitor"]
    assert narrow["verdict"] == "no difference larger than x"
    largest = max(abs(narrow["relative_sequence_low"]), abs(narrow["relative_sequence_high"]))
    assert narrow["reason"] == f"It is no larger than {largest:.1%} either way."


def test_days_to_detect_grow_with_the_square_of_what_is_looked_for():
    row = table_of(big(orders=27_000), big("control", orders=3_000))["uk", "orders_per_visitor"]
    two, five, ten = (row[f"days_to_detect_{share}_percent"] for share in (2, 5, 10))
    assert two > five >= ten == 0
    # ten days brought 100,000; 2 % takes about (5 / 2)^2 as many as 5 %, somewhat more as the sequence widens
    assert (two + 10) / (five + 10) == pytest.approx(6.25, rel=0.2)


def test_of_an_experiment_that_is_over_no_days_are_foretold():
    row = table_of(big(orders=27_000), big("control", orders=3_000), ended=("holdout",))["uk", "orders_per_visitor"]
    assert (row["days_to_detect_2_percent"], row["detectable_effect"] > 0) == (None, True)


def in_channel(name, variant="treatment", *, orders, scale=1):
    units = (90_000 if variant == "treatment" else 10_000) // scale
    return arm(
        variant=variant, units=units, ordering=orders // scale, net=Decimal(orders), dimension="channel", cell=name
    )


def test_small_cells_are_one_together_and_keep_their_names():
    rows = [in_channel("email", orders=27_000), in_channel("email", "control", orders=3_000)]
    for name in ("fax", "radio"):
        rows += [in_channel(name, orders=27_000, scale=200), in_channel(name, "control", orders=3_000, scale=200)]
    cells = cells_of(*rows)
    assert sorted(cells) == ["email", "other"]
    assert cells["other"]["pooled_cells"] == ["fax", "radio"]
    assert (cells["other"]["treatment_units"], cells["email"]["pooled_cells"]) == (900, None)


def test_what_would_be_a_finding_alone_is_none_among_many_cells():
    # 5.4 % more orders are just outside its own interval of 5.2 %; in twenty other cells there is no difference
    odd = [in_channel("odd", orders=28_470), in_channel("odd", "control", orders=3_000)]
    config = MeasurementConfig(relevant_effect=0.01)
    alone = cells_of(*odd, config=config)["odd"]
    assert (alone["verdict"], alone["q_value"]) == ("better", alone["always_valid_p"])
    others = [row for number in range(20) for row in (
        in_channel(f"c{number}", orders=27_000), in_channel(f"c{number}", "control", orders=3_000)
    )]  # fmt: skip
    among = cells_of(*odd, *others, config=config)["odd"]
    assert among["always_valid_p"] == alone["always_valid_p"] < 0.05 < among["q_value"]
    assert (among["verdict"], among["reason"]) == (
        "not enough data", "Alone it would be a finding; among so many cells it may be by chance.",
    )  # fmt: skip


def test_a_cell_whose_own_split_is_off_is_broken_alone():
    rows = [in_channel("email", orders=27_000), in_channel("email", "control", orders=3_000)]
    off = [in_channel("fax", orders=27_000) | {"units": 99_000}, in_channel("fax", "control", orders=3_000)]
    cells = cells_of(*rows, *off)
    assert (cells["email"]["verdict"], cells["fax"]["verdict"]) != ("broken", "broken")
    assert cells["fax"]["verdict"] == "broken"
