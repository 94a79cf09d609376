"""The notebook of an experiment runs top to bottom on a published folder, and is committed without output."""

import ast
import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from perso_pipeline.contracts.experiments import Experiment, Experiments
from perso_pipeline.measurement.config import MeasurementConfig
from perso_pipeline.measurement.health import HEALTH_SCHEMA
from perso_pipeline.measurement.lift_table import lift_tables
from perso_pipeline.measurement.self_tests import SELF_TESTS_SCHEMA
from perso_pipeline.measurement.settings_tables import experiments_table
from perso_pipeline.settings import PROJECT_ROOT

NOTEBOOK = json.loads((PROJECT_ROOT / "notebooks" / "read_experiment.ipynb").read_text(encoding="utf-8"))
CODE = ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
NIGHT = date(2026, 1, 10)
CONFIG = MeasurementConfig()
HELD = Experiment(id="held", salt="salt", control_share=0.1, starts_on=date(2026, 1, 1))
BESIDE = Experiment(
    id="a-beside", kind="scenario_control", scenarios=("cart",), salt="cart", control_share=0.1, starts_on=NIGHT
)


def moments(variant: str, orders: int, dimension: str, cell: str) -> dict[str, Any]:
    units = 90_000 if variant == "treatment" else 10_000
    zero = ("mixed_net", "earlier_orders", "earlier_orders_squared", "orders_times_earlier_orders", "earlier_net",
            "earlier_net_squared", "net_times_earlier_net", "capped_net_times_earlier_net")  # fmt: skip
    net = Decimal(10 * orders)
    return {
        "experiment_id": "held", "site_id": "uk", "period": "to_date", "dimension": dimension, "cell": cell,
        "variant": variant, "first_assigned_date": date(2026, 1, 1), "units": units, "ordering_units": orders,
        "orders": orders, "orders_squared": orders, "net": net, "net_squared": net * 10, "capped_net": net,
        "capped_net_squared": net * 10, "orders_times_net": net, "first_currency": "GBP", "last_currency": "GBP",
        **dict.fromkeys(zero, 0),
    }  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A holdout on one site: a tenth more orders, all of one channel."""
    folder = tmp_path / "published" / "2026-01-10-0123456789ab"
    folder.mkdir(parents=True)
    rows = [moments(arm, orders, dimension, cell)
            for dimension, cell in (("total", "all"), ("channel", "email"))
            for arm, orders in (("treatment", 29_700), ("control", 3_000))]  # fmt: skip
    experiments = Experiments(experiments=(HELD, BESIDE))
    lift = lift_tables(
        pa.Table.from_pylist(rows), night=NIGHT, shares={"held": 0.1, "a-beside": 0.1}, ended=(), sites=["uk"], broken={},
        config=CONFIG, rates={},
    )  # fmt: skip
    key = {"night": NIGHT, "experiment_id": "held", "site_id": "uk"}
    health = [{**key, "check_name": "sample_ratio", "status": "sound", "sentence": "As the split promises."}]
    tests = [{**key, "test": "a_a", "status": "cannot tell", "reason": "Few."}]
    tables = {
        "experiments": experiments_table(experiments, CONFIG, NIGHT),
        "lift": lift.lift,
        "lift_cells": lift.cells,
        "experiment_health": pa.Table.from_pylist(health, schema=HEALTH_SCHEMA),
        "self_tests": pa.Table.from_pylist(tests, schema=SELF_TESTS_SCHEMA),
    }
    with duckdb.connect(str(folder / "perso.duckdb")) as published:
        for name, table in tables.items():
            published.register("given", table)
            published.execute(f"create table {name} as from given")
            published.unregister("given")
    (tmp_path / "published" / "current").symlink_to(folder.name)
    return tmp_path


def test_the_notebook_of_an_experiment_is_committed_without_output() -> None:
    code = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]

    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


def test_the_notebook_reads_the_holdout_from_what_it_is_to_how_sure_it_is(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERSO_HOME", str(home))
    variables: dict[str, Any] = {}
    shown = []
    for source in CODE:
        tree = ast.parse(source)
        last = tree.body.pop()  # the last expression of a cell is what it shows
        assert isinstance(last, ast.Expr)
        exec(compile(tree, "cell", "exec"), variables)
        shown.append(eval(compile(ast.Expression(last.value), "cell", "eval"), variables).to_dict("records"))
    variables["published"].close()

    experiments, sites, health, verdicts, estimators, cells, days, tests = shown
    assert [row["experiment_id"] for row in experiments] == ["held", "a-beside"]
    assert [(row["site_id"], row["verdict"]) for row in sites] == [("uk", "better")]
    assert [(row["check_name"], row["status"]) for row in health] == [("sample_ratio", "sound")]
    orders = next(row for row in verdicts if row["metric"] == "orders_per_visitor")
    assert (orders["verdict"], round(orders["relative_lift"], 3)) == ("better", 0.1)  # .33 over .3
    assert round(orders["added"]) == 2700  # .03 x 90,000
    assert {row["estimator"] for row in estimators} == {"plain", "cuped"}  # no segment to stratify by
    assert [(row["dimension"], row["cell"], row["verdict"]) for row in cells] == [("channel", "email", "better")]
    assert next(row for row in days if row["metric"] == "conversion")["days_to_detect_10_percent"] == 0
    assert [row["status"] for row in tests] == ["cannot tell"]
