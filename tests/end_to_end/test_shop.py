import gzip
import shutil
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from driving import Installation

from perso_pipeline.settings import PROJECT_ROOT

pytestmark = pytest.mark.slow

LAST = "2026-10-31"


def test_every_stage_has_rows_on_the_last_night(shop: Installation) -> None:
    for table, column in [
        ("profiles.customer_profiles", "night"),
        ("segments.segment_membership", "night"),
        ("models.candidates", "night"),
        ("recommendations.recommendations", "night"),
        ("measurement.revenue_report", "night"),
        ("measurement.lift", "night"),
        ("measurement.lift_cells", "night"),
        ("measurement.self_tests", "night"),
    ]:
        assert shop.rows(f"select count(*) from {table} where {column} = date '{LAST}'")[0][0] > 0, table


def test_the_shop_is_served_what_experiments_yml_says_and_nothing_speaks_against_it(shop: Installation) -> None:
    health = shop.rows(
        f"select experiment_id, check_name, status from measurement.experiment_health where night = date '{LAST}'"
    )
    assert {experiment for experiment, *_ in health} == {"holdout", "product-control"}
    assert [row for row in health if row[2] == "broken"] == []
    served = f"select sum(mismatched_units), min(units) > 0 from measurement.lift_moments where night = date '{LAST}'"
    assert shop.rows(served) == [(0, True)]


def test_every_scenario_is_published_with_level_and_version(shop: Installation) -> None:
    with duckdb.connect(str(shop.home / "published" / "current" / "perso.duckdb"), read_only=True) as published:
        scenarios = published.execute(
            "select scenario_id, count(*) filter (level is null or model is null or model_version is null) from recommendations group by 1 order by 1"
        ).fetchall()
    assert scenarios == [("cart", 0), ("home", 0), ("product", 0), ("search", 0)]


def test_the_report_sums_to_the_ledger_to_the_cent(shop: Installation) -> None:
    report = shop.rows(
        f"""select site_id, currency, sum(gross), sum(discount), sum(cancelled), sum(refunded), sum(refunded_on_return_day), sum(net)
        from measurement.revenue_report where night = date '{LAST}' group by all order by all"""
    )
    ledger = shop.rows(
        """select site_id, currency, sum(gross), sum(discount), sum(cancelled), sum(refunded), sum(refunded), sum(net)
        from interactions.order_lines group by all order by all"""
    )
    assert report == ledger
    assert all(row[2] > 0 for row in ledger)
    assert sum(row[5] for row in ledger) > 0


def test_accepted_rejected_and_erased_make_delivered_for_every_file(shop: Installation) -> None:
    wrong = "accepted + rejected + coalesce(erased, 0) <> delivered"
    assert shop.rows(f"select count(*) from raw.delivered_files where {wrong}") == [(0,)]
    some = "select sum(rejected) > 0, sum(accepted) > 0, sum(erased) > 0 from raw.delivered_files"
    assert shop.rows(some) == [(True, True, True)]


def test_the_config_in_force_back_tests_to_nothing(shop: Installation) -> None:
    assert "No slot changes." in shop.perso("backtest", "--config-dir", str(PROJECT_ROOT / "config"))


def test_other_order_double_delivery_and_other_files_give_the_same_tables(shop: Installation, tmp_path: Path) -> None:
    other = Installation(tmp_path / "other", is_gated=False)
    shutil.copytree(shop.home / "landing", other.home / "landing")
    for file in sorted((other.home / "landing").glob("*/*/*")):
        _split(file)
        if file.exists():
            shutil.copy(file, file.with_name(f"again-{file.name}"))
    for first, last in [
        ("2026-10-25", "2026-10-31"),
        ("2026-10-14", "2026-10-18"),
        ("2026-10-17", "2026-10-26"),
    ]:
        other.perso("run", "--from", first, "--night", last, "--facts-only")
    other.perso("run", "--night", "2026-10-30")
    other.perso("run", "--night", "2026-10-31")
    assert other.fingerprints() == shop.fingerprints()


def _split(file: Path) -> None:
    """Cut a file in two: Parquet by rows, lines by lines (each half of a CSV with the header)."""
    if file.suffix == ".parquet":
        table = pq.read_table(file)
        half = table.num_rows // 2
        for number, part in enumerate([table.slice(0, half), table.slice(half)]):
            pq.write_table(part, file.with_name(f"part{number}-{file.name}"))
        file.unlink()
    elif file.suffix == ".gz":
        lines = gzip.decompress(file.read_bytes()).splitlines(keepends=True)
        header = lines[:1] if file.name.endswith(".csv.gz") else []
        lines = lines[len(header) :]
        for number, part in enumerate([lines[: len(lines) // 3], lines[len(lines) // 3 :]]):
            file.with_name(f"part{number}-{file.name}").write_bytes(gzip.compress(b"".join(header + part)))
        file.unlink()
