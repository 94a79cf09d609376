"""Real experiments: ASOS's effects against SciPy, Upworthy's broken splits as their owners know them."""

from pathlib import Path

import duckdb
import numpy as np
import pytest
from scipy import stats

from perso_pipeline.measurement.inference import sequential
from perso_pipeline.measurement.inference.means import difference
from perso_pipeline.measurement.inference.moments import Sample
from perso_pipeline.measurement.inference.sample_ratio import split_p

_DATA = Path(__file__).parents[4] / "shared" / "data"
ASOS = _DATA / "asos_experiments" / "asos_digital_experiments.parquet"
SOUND = "least(count_c, count_t) > 1 and isfinite(variance_c + variance_t) and least(variance_c, variance_t) > 0"
UPWORTHY = _DATA / "upworthy" / "exploratory_packages_clean.parquet"


@pytest.fixture(scope="module")
def asos():
    if not ASOS.exists():
        pytest.skip("the public data set ASOS Digital Experiments is not in ../shared/data")
    return duckdb.sql(f"""
        from '{ASOS}' where {SOUND}
        order by experiment_id, variant_id, metric_id, time_since_start
    """).to_arrow_table()


def arms(table):
    columns = {name: table[name].to_numpy() for name in table.column_names}
    return [Sample(*(columns[f"{what}_{arm}"] for what in ("count", "mean", "variance"))) for arm in "tc"]


LAST = """
    from {looks} qualify row_number() over (
        partition by experiment_id, variant_id, metric_id order by time_since_start desc
    ) = 1 order by experiment_id, variant_id, metric_id"""


def test_effects_of_asos_are_scipys_welch(asos):
    assert len(asos) == 23_365  # of 24,153 looks; the others state no variance
    treatment, control = arms(asos)
    expected = stats.ttest_ind_from_stats(
        treatment.mean, np.sqrt(treatment.variance), treatment.units,
        control.mean, np.sqrt(control.variance), control.units, equal_var=False,
    )  # fmt: skip
    found = difference(treatment, control)
    assert np.max(np.abs(found.p_value - expected.pvalue)) < 1e-9
    assert np.max(np.abs(found.value / found.error - expected.statistic)) < 1e-9
    low, high = found.interval(0.95)
    interval = stats.t.ppf(0.975, found.freedom) * found.error
    assert np.max(np.abs(high - found.value - interval)) < 1e-9
    assert np.max(np.abs(found.value - low - interval)) < 1e-9


def test_of_asos_final_looks_as_many_are_findings_as_its_authors_say(asos):
    sizes = duckdb.sql("""
        select count(distinct experiment_id), count(distinct (experiment_id, variant_id)), count(distinct metric_id) from asos
    """).fetchall()
    assert sizes == [(78, 99, 4)]
    last = duckdb.sql(LAST.format(looks=f"'{ASOS}'"))
    assert len(last) == 396
    found = difference(*arms(last.filter(SOUND).to_arrow_table()))
    # 15 of the last looks state no variance: nobody can call them findings
    assert round(np.sum(np.abs(found.value) / found.error > 1.96) / 396, 3) == 0.265


def test_of_asos_who_stops_at_any_look_finds_more_and_the_sequence_does_not(asos):
    treatment, control = arms(asos)
    found = difference(treatment, control)
    units = treatment.units + control.units
    tuned = {"confidence": 0.95, "tightest_at": 100_000}
    looks = asos.append_column("one_look", [np.abs(found.value) > 1.96 * found.error]).append_column(  # noqa: F841  DuckDB reads it
        "every_look", [np.abs(found.value) > sequential.multiplier(units, **tuned) * found.error]
    )
    ever = duckdb.sql("""
        select avg(one_look::int), avg(every_look::int) from (
            select bool_or(one_look) as one_look, bool_or(every_look) as every_look from looks
            group by experiment_id, variant_id, metric_id
        )
    """).fetchall()[0]
    final = difference(*arms(duckdb.sql(LAST.format(looks="asos")).to_arrow_table()))
    at_the_end = np.mean(np.abs(final.value) > 1.96 * final.error)
    assert ever[0] > 1.5 * at_the_end
    assert ever[1] < at_the_end


def test_upworthys_broken_weeks_are_found_and_the_others_are_not():
    if not UPWORTHY.exists():
        pytest.skip("the public data set Upworthy Research Archive is not in ../shared/data")
    tests = duckdb.sql(f"""
        select clickability_test_id, list(impressions) as impressions,
            min(test_week) between 201325 and 201401 as is_broken_week
        from '{UPWORTHY}' group by clickability_test_id
    """).fetchall()
    found = {True: [0, 0], False: [0, 0]}
    for _, impressions, is_broken_week in tests:
        p = split_p(impressions, [1 / len(impressions)] * len(impressions))
        found[is_broken_week][0] += p is not None and p < 0.001
        found[is_broken_week][1] += 1
    assert found == {True: [735, 1058], False: [18, 3815]}
