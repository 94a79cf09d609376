import json
import re
from datetime import date
from pathlib import Path

import duckdb
import pytest

from perso_pipeline.contracts.errors import ConfigError
from perso_pipeline.quality.suites import Suite, read_suites, run_suites

ROWS_FLOOR = {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1}, "severity": "critical"}


def suite(*expectations: dict, partition_column: str | None = "night") -> Suite:
    document = {"name": "profiles.people", "expectations": [ROWS_FLOOR, *expectations]}
    return Suite("profiles.people", "people are whole", partition_column, document)


@pytest.fixture
def warehouse_path(tmp_path: Path) -> Path:
    path = tmp_path / "perso.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema profiles")
        connection.execute(
            """create table profiles.people as select * from (values
                (date '2026-01-01', 'p1', 1), (date '2026-01-01', 'p1', 2), (date '2026-01-02', 'p1', 3),
                (date '2026-01-02', null, -4)) as t(night, person_id, orders)"""
        )
    return path


def outcomes(path: Path, tmp_path: Path, chosen: Suite, night: str | None) -> dict[str, bool]:
    window = (date.fromisoformat(night), date.fromisoformat(night)) if night else None
    found = run_suites([chosen], warehouse_path=path, window=window, docs_dir=tmp_path / "docs")
    return {o.expectation.split("(")[0]: o.is_met for o in found["profiles.people"]}


def test_expectations_see_only_the_partitions_of_the_window(warehouse_path: Path, tmp_path: Path) -> None:
    unique = {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "person_id"}, "severity": "critical"}
    known = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "person_id"}, "severity": "critical"}
    chosen = suite(unique, known)
    # night 1 holds p1 twice and no null; night 2 holds p1 once and one null
    assert outcomes(warehouse_path, tmp_path, chosen, "2026-01-01") == {
        "expect_table_row_count_to_be_between": True,
        "expect_column_values_to_be_unique": False,
        "expect_column_values_to_not_be_null": True,
    }
    assert outcomes(warehouse_path, tmp_path, chosen, "2026-01-02") == {
        "expect_table_row_count_to_be_between": True,
        "expect_column_values_to_be_unique": True,
        "expect_column_values_to_not_be_null": False,
    }


def test_a_night_without_rows_misses_the_row_count_floor(warehouse_path: Path, tmp_path: Path) -> None:
    assert outcomes(warehouse_path, tmp_path, suite(), "2026-01-03") == {"expect_table_row_count_to_be_between": False}


def test_a_column_that_does_not_exist_is_a_broken_suite_not_bad_data(warehouse_path: Path, tmp_path: Path) -> None:
    missing = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "nope"}, "severity": "critical"}
    found = run_suites([suite(missing)], warehouse_path=warehouse_path, window=None, docs_dir=tmp_path / "docs")
    broken = [o for o in found["profiles.people"] if not o.is_met]
    assert len(broken) == 1
    assert "nope" in broken[0].error


def test_a_page_of_data_docs_is_written_that_calls_nobody_when_opened(warehouse_path: Path, tmp_path: Path) -> None:
    outcomes(warehouse_path, tmp_path, suite(), "2026-01-01")
    page = (tmp_path / "docs" / "profiles.people.html").read_text(encoding="utf-8")
    assert "profiles.people" in page
    assert "Must have greater than or equal to" in page
    assert not re.findall(r"(?:src|href)=.https?://(?!docs\.greatexpectations|greatexpectations)[^ >]*", page)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.b", "{", "a.b.json line 1: not valid JSON"),
        ("a.b", json.dumps({"name": "a.c", "expectations": [ROWS_FLOOR]}), "its name must be '<schema>.<table>'"),
        ("a.b", json.dumps({"name": "a.b", "expectations": []}), "no floor for the row count"),
        (
            "a.b",
            json.dumps({"name": "a.b", "expectations": [ROWS_FLOOR, {"type": "x", "kwargs": {}}]}),
            'every expectation needs "severity"',
        ),
    ],
    ids=["not json", "another table", "nothing to check", "no severity"],
)
def test_a_useless_suite_is_refused_with_its_file_name(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    (tmp_path / f"{name}.json").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as refusal:
        read_suites(tmp_path)
    assert sentence in str(refusal.value)


UNIQUE = {
    "type": "expect_compound_columns_to_be_unique", "kwargs": {"column_list": ["night", "person_id"]}, "severity": "critical",
}  # fmt: skip


def observed(path: Path, tmp_path: Path, chosen: Suite) -> list[str]:
    found = run_suites([chosen], warehouse_path=path, window=None, docs_dir=tmp_path / "docs")
    return [f"{o.is_met} {o.observed}" for o in found["profiles.people"][1:]]


def test_keys_that_stand_twice_are_counted_and_others_pass(warehouse_path: Path, tmp_path: Path) -> None:
    whole = UNIQUE | {"kwargs": {"column_list": ["night", "person_id", "orders"]}}
    assert observed(warehouse_path, tmp_path, suite(UNIQUE, whole)) == [
        "False element count 4, unexpected count 2",
        "True element count 4, unexpected count 0",
    ]


def test_keys_with_a_missing_part_are_left_out_of_the_count(warehouse_path: Path, tmp_path: Path) -> None:
    with duckdb.connect(str(warehouse_path)) as connection:
        connection.execute("delete from profiles.people where orders = 2")
        connection.execute("insert into profiles.people values (date '2026-01-02', null, 7)")
    assert observed(warehouse_path, tmp_path, suite(UNIQUE)) == ["True element count 4, unexpected count 0"]


@pytest.mark.parametrize(("least", "count"), [(0, 1), (-1000, 301)])
def test_unexpected_rows_are_counted_all_and_asked_for_once(
    warehouse_path: Path, tmp_path: Path, least: int, count: int
) -> None:
    with duckdb.connect(str(warehouse_path)) as connection:
        connection.execute("insert into profiles.people select date '2026-01-03', 'p' || i, -500 from range(300) t(i)")
    query = f"select person_id from {{batch}} where orders < 0 and orders > {-100 if least == 0 else least}"
    rows = {"type": "unexpected_rows_expectation", "kwargs": {"unexpected_rows_query": query}, "severity": "critical"}
    assert observed(warehouse_path, tmp_path, suite(rows)) == [f"False observed value {count}"]
