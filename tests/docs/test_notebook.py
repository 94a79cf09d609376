"""The notebook runs top to bottom on a published folder, and is committed without output."""

import ast
import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from perso_pipeline.activation.triggers import SCHEMA as TRIGGERS
from perso_pipeline.measurement.lift_rows import LIFT_SCHEMA
from perso_pipeline.recommendations.composer import RECOMMENDATIONS
from perso_pipeline.settings import PROJECT_ROOT

NOTEBOOK = json.loads((PROJECT_ROOT / "notebooks" / "first_look.ipynb").read_text(encoding="utf-8"))
CODE = ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
NIGHT = date(2026, 1, 2)
SITE = {"night": NIGHT, "site_id": "uk"}


def _make(published: duckdb.DuckDBPyConnection, model: str, *rows: dict[str, Any]) -> None:
    """A table with the columns of its dbt contract; what a row does not say is null."""
    stage, name = model.split("/")
    text = (PROJECT_ROOT / "sql" / "models" / stage / f"{name}.yml").read_text(encoding="utf-8")
    columns = yaml.safe_load(text)["models"][0]["columns"]
    typed = ", ".join(f"{column['name']} {column['data_type']}" for column in columns)
    published.execute(f"create table {name} ({typed})")
    _insert(published, name, *rows)


def _insert(published: duckdb.DuckDBPyConnection, name: str, *rows: dict[str, Any]) -> None:
    for row in rows:
        marks = ", ".join("?" for _ in row)
        published.execute(f"insert into {name} ({', '.join(row)}) values ({marks})", list(row.values()))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """One person with one order, one segment, a list of two, and a lift that cannot be stated."""
    folder = tmp_path / "published" / "2026-01-02-0123456789ab"
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "perso.duckdb")) as published:
        _make(published, "profiles/customer_profiles",
              {**SITE, "person_id": "p1", "is_customer": True, "orders": 1, "net_revenue": Decimal(10), "lifecycle": "new"},
              {**SITE, "person_id": "p2", "is_customer": False, "orders": 0})  # fmt: skip
        _make(published, "profiles/item_profiles",
              {**SITE, "item_id": "a", "name": "Mug"}, {**SITE, "item_id": "b", "name": "Plate"})  # fmt: skip
        _make(published, "measurement/revenue_report",
              *({**SITE, "report_date": NIGHT, "channel": "email", "segment_id": "new-customers", "scenario_id": scenario,
                 "currency": "GBP", "orders": 1, "gross": Decimal(12), "refunded": Decimal(2), "net": Decimal(10)}
                for scenario in ("home", "none")))  # fmt: skip
        for name, schema in (("recommendations", RECOMMENDATIONS), ("lift", LIFT_SCHEMA), ("triggers", TRIGGERS)):
            empty = schema.empty_table()
            published.register("empty", empty)
            published.execute(f"create table {name} as from empty")
            published.unregister("empty")
        published.execute(
            "create table segment_membership (night date, site_id varchar, person_id varchar, segment_id varchar);"
            "create table segment_catalogue (night date, segment_id varchar, name varchar, description varchar,"
            " rule varchar, position integer, people bigint);"
            "create table manifest (night date, version varchar, table_name varchar, rows bigint)"
        )
        _insert(published, "segment_membership", {**SITE, "person_id": "p1", "segment_id": "new-customers"})
        _insert(published, "segment_catalogue",
                {"night": NIGHT, "segment_id": "new-customers", "name": "New customers", "position": 1, "people": 1})  # fmt: skip
        _insert(published, "recommendations",
                *({**SITE, "scenario_id": "home", "subject_type": "person", "subject_id": "p1", "rank": rank, "item_id": item,
                   "level": rank} for rank, item in ((1, "b"), (2, "a"))))  # fmt: skip
        _insert(
            published, "lift", {**SITE, "metric": "orders_per_visitor", "verdict": "not estimable", "reason": "Nobody."}
        )
        _insert(published, "manifest", {"night": NIGHT, "version": folder.name, "table_name": "lift", "rows": 1})
    (tmp_path / "published" / "current").symlink_to(folder.name)
    return tmp_path


def test_the_notebook_is_committed_without_output() -> None:
    code = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]

    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


def test_the_notebook_runs_top_to_bottom_and_shows_what_is_published(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERSO_HOME", str(home))
    variables: dict[str, Any] = {}
    shown: list[list[list[Any]]] = []
    for source in CODE:
        tree = ast.parse(source)
        last = tree.body.pop()  # the last expression of a cell is what it shows
        assert isinstance(last, ast.Expr)
        exec(compile(tree, "cell", "exec"), variables)
        shown.append(eval(compile(ast.Expression(last.value), "cell", "eval"), variables).values.tolist())
    variables["published"].close()

    manifest, profile, segments, home_list, revenue, lift = shown
    assert [[row[0], row[1], row[2].date(), row[3]] for row in manifest] == [
        ["lift", 1, NIGHT, "2026-01-02-0123456789ab"]
    ]
    assert [row[:3] for row in profile] == [["p1", "new", 1]]
    assert [row[1] for row in segments] == ["New customers"]
    assert [(row[0], row[1], row[5]) for row in home_list] == [(1, "Plate", 1), (2, "Mug", 2)]
    # two cells of the report, 12 gross and 2 refunded each
    assert [row[:6] for row in revenue] == [["GBP", "email", 2, 24, 4, 20]]
    assert [row[-2:] for row in lift] == [["not estimable", "Nobody."]]


def test_the_notebook_leaves_what_is_published_as_it_was(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERSO_HOME", str(home))
    folder = home / "published" / "current"
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    variables: dict[str, Any] = {}
    for source in CODE:
        exec(compile(source, "cell", "exec"), variables)
    variables["published"].close()

    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    assert [path.name for path in home.iterdir()] == ["published"]  # Settings made nothing beside it
