"""The notebook of what changed for a person works on two publications, and is committed without output."""

import ast
import json
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from perso_pipeline.recommendations.composer import RECOMMENDATIONS, TRACE
from perso_pipeline.settings import PROJECT_ROOT

NOTEBOOK = json.loads((PROJECT_ROOT / "notebooks" / "what_changed.ipynb").read_text(encoding="utf-8"))
CODE = ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
# Of p1 item a rises, b goes, c comes; p2 keeps the one item.
NIGHTS = {
    date(2026, 1, 1): {"orders": 0, "segment": "new", "lists": {"p1": ["b", "a"], "p2": ["a"]}},
    date(2026, 1, 2): {"orders": 1, "segment": "loyal", "lists": {"p1": ["a", "c"], "p2": ["a"]}},
}


def insert(published: duckdb.DuckDBPyConnection, table: str, /, **row: Any) -> None:
    published.execute(
        f"insert into {table} ({', '.join(row)}) values ({', '.join('?' * len(row))})", list(row.values())
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for night, made in NIGHTS.items():
        folder = tmp_path / "published" / f"{night}-0123456789ab"
        folder.mkdir(parents=True)
        with duckdb.connect(str(folder / "perso.duckdb")) as published:
            for model in ("customer_profiles", "item_profiles"):
                text = (PROJECT_ROOT / "sql" / "models" / "profiles" / f"{model}.yml").read_text(encoding="utf-8")
                columns = yaml.safe_load(text)["models"][0]["columns"]
                typed = ", ".join(f"{column['name']} {column['data_type']}" for column in columns)
                published.execute(f"create table {model} ({typed})")
            for name, schema in (("recommendations", RECOMMENDATIONS), ("recommendation_trace", TRACE)):
                published.register("empty", schema.empty_table())
                published.execute(f"create table {name} as from empty")
                published.unregister("empty")
            published.execute(
                "create table segment_membership (night date, site_id varchar, person_id varchar, segment_id varchar);"
                "create table manifest (night date, version varchar, table_name varchar, rows bigint)"
            )
            insert(published, "manifest", night=night, version=folder.name, table_name="lift", rows=1)
            key = {"night": night, "site_id": "uk", "person_id": "p1"}
            insert(published, "customer_profiles", **key, orders=made["orders"], sessions=3)
            insert(published, "segment_membership", **key, segment_id=made["segment"])
            insert(published, "item_profiles", night=night, site_id="uk", item_id="a", name="Mug")
            for person, items in made["lists"].items():
                for rank, item in enumerate(items, start=1):
                    slot = {"night": night, "site_id": "uk", "scenario_id": "home", "subject_type": "person",
                            "subject_id": person, "rank": rank, "item_id": item}  # fmt: skip
                    insert(published, "recommendations", **slot, strategy="personal", model="als")
                    insert(published, "recommendation_trace", **slot, origin_items=["z"], rules=["sold_out"])
    (tmp_path / "published" / "current").symlink_to("2026-01-02-0123456789ab")
    return tmp_path


def test_the_notebook_of_changes_is_committed_without_output() -> None:
    code = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]

    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


def test_the_notebook_shows_what_came_went_and_moved(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERSO_HOME", str(home))
    variables: dict[str, Any] = {}
    shown = []
    for source in CODE:
        tree = ast.parse(source)
        last = tree.body.pop()  # the last expression of a cell is what it shows
        assert isinstance(last, ast.Expr)
        exec(compile(tree, "cell", "exec"), variables)
        shown.append(eval(compile(ast.Expression(last.value), "cell", "eval"), variables))
    variables["shop"].close()
    which, scenarios, lists, profile, segments = shown

    assert which["which"].tolist() == ["old", "new"]
    # p1 keeps 1 of 3 items, p2 all
    assert scenarios[["people", "stayed", "unchanged", "all_new"]].values.tolist() == [[2, pytest.approx(2 / 3), 1, 0]]
    assert variables["who"] == {"site_id": "uk", "person_id": "p1"}
    assert lists[["change", "item"]].values.tolist() == [["rose", "Mug"], ["came", "c"], ["went", "b"]]
    assert list(lists["origin_items"].iloc[0]) == ["z"]
    assert profile.values.tolist() == [["orders", 0, 1]]
    assert segments.values.tolist() == [["loyal", "entered"], ["new", "left"]]


def test_one_publication_alone_is_said_in_words(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERSO_HOME", str(home))
    (home / "published" / "2026-01-01-0123456789ab" / "perso.duckdb").unlink()
    with pytest.raises(AssertionError, match="only one night is published"):
        exec(compile(CODE[0], "cell", "exec"), {})
