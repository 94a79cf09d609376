"""The notebook of one person runs top to bottom on a published folder, and is committed without output."""

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

NOTEBOOK = json.loads((PROJECT_ROOT / "notebooks" / "one_person.ipynb").read_text(encoding="utf-8"))
CODE = ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
NIGHT = date(2026, 1, 2)
KEY = {"night": NIGHT, "site_id": "uk", "person_id": "p1"}
LIST = {"night": NIGHT, "site_id": "uk", "scenario_id": "home", "subject_type": "person", "subject_id": "p1", "rank": 1}


def insert(published: duckdb.DuckDBPyConnection, table: str, /, **row: Any) -> None:
    published.execute(
        f"insert into {table} ({', '.join(row)}) values ({', '.join('?' * len(row))})", list(row.values())
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A person with a hot session, one affinity, one segment and a list of one."""
    folder = tmp_path / "published" / "2026-01-02-0123456789ab"
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "perso.duckdb")) as published:
        for model in ("customer_profiles", "affinities", "item_profiles", "item_segments"):
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
            "create table segment_catalogue (night date, segment_id varchar, name varchar, rule varchar, position integer)"
        )
        insert(
            published, "customer_profiles", **KEY, is_customer=True, lifecycle="new", orders=1, hot_session_date=NIGHT,
            hot_events=3, hot_product_views=2, hot_cart_adds=1, hot_searches=0, cold_events=7, cold_product_views=4,
            cold_cart_adds=0, cold_searches=1,
        )  # fmt: skip
        insert(
            published,
            "affinities",
            **KEY,
            kind="brand",
            value="Finch",
            weight=3,
            hot_weight=2,
            cold_weight=1,
            share=1,
            place=1,
        )
        insert(published, "segment_membership", **KEY, segment_id="new-customers")
        insert(
            published,
            "segment_catalogue",
            night=NIGHT,
            segment_id="new-customers",
            name="New",
            rule="lifecycle is new",
            position=1,
        )
        insert(published, "item_profiles", night=NIGHT, site_id="uk", item_id="a", name="Mug")
        insert(published, "item_segments", night=NIGHT, site_id="uk", item_id="a", segment_id="velocity-fast")
        insert(published, "recommendations", **LIST, item_id="a", strategy="personal")
        insert(published, "recommendation_trace", **LIST, item_id="a", origin_items=["b"], rules=["sold_out"])
    (tmp_path / "published" / "current").symlink_to(folder.name)
    return tmp_path


def test_the_notebook_of_one_person_is_committed_without_output() -> None:
    code = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]

    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


def test_the_notebook_walks_from_the_hot_half_to_the_list(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERSO_HOME", str(home))
    variables: dict[str, Any] = {}
    shown = []
    for source in CODE:
        tree = ast.parse(source)
        last = tree.body.pop()  # the last expression of a cell is what it shows
        assert isinstance(last, ast.Expr)
        exec(compile(tree, "cell", "exec"), variables)
        shown.append(eval(compile(ast.Expression(last.value), "cell", "eval"), variables).values.tolist())
    variables["published"].close()

    person, halves, profile, affinities, segments, recommended, item_segments = shown
    assert person[0][2] == "p1"
    assert halves == [["events", 3, 7], ["product views", 2, 4], ["cart additions", 1, 0], ["searches", 0, 1]]
    assert ["new"] in profile
    assert affinities == [["brand", 1, "Finch", 1.0, 2.0, 1.0]]
    assert segments == [[1, "New", "lifecycle is new"]]
    assert [recommended[0][1], recommended[0][2], list(recommended[0][6]), list(recommended[0][7])] == [
        1,
        "Mug",
        ["b"],
        ["sold_out"],
    ]
    assert item_segments == [["velocity-fast", 1]]
