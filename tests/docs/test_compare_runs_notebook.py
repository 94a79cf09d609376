"""The notebook that compares two runs works on a store as nights write it, and is committed without output."""

import ast
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from perso_pipeline.resources.tracked import ModelRun, NightRun
from perso_pipeline.resources.tracking import Tracking
from perso_pipeline.settings import PROJECT_ROOT

NOTEBOOK = json.loads((PROJECT_ROOT / "notebooks" / "compare_runs.ipynb").read_text(encoding="utf-8"))
CODE = ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]


def record(store: Tracking, night: date, factors: str, lead: float, *, key: str = "", experiment: str = "") -> str:
    tags = {"perso.fingerprint": f"data of {night}", "perso.code": "c0de"}
    tags |= {} if experiment else {"perso.version": f"{night}.0123abcd"}
    metrics = {"personal/ndcg_at_10": 0.1 + lead, "personal/ndcg_minus_popular_at_10": lead, "personal/map_at_5": 1.0}
    models = [ModelRun("als", {"als.factors": factors, "als.seed": "1"}, metrics)]
    run = NightRun("uk", night, key or f"key {night}", tags, {}, {}, models, experiment)
    return store.record(run).models["als"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Two nights of one site, the second with more factors and run twice, and a run of another kind."""
    store = Tracking(f"sqlite:///{tmp_path / 'mlflow' / 'mlflow.db'}", tmp_path / "mlflow" / "artifacts")
    record(store, date(2026, 1, 1), "32", 0.02)
    record(store, date(2026, 1, 2), "16", 0.01, key="first try")
    run_id = record(store, date(2026, 1, 2), "64", 0.05)
    record(store, date(2026, 1, 2), "64", 0.05, experiment="uk origins")
    store.store_model(run_id, {"model.json": b"{}"})
    store.registry.register(
        "uk--personal", run_id, night=date(2026, 1, 2), version="2026-01-02.0123abcd", alias="champion"
    )
    return tmp_path


def test_the_notebook_of_runs_is_committed_without_output() -> None:
    code = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]

    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


def test_two_nights_differ_by_their_settings_and_by_what_came_of_them(
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
        shown.append(eval(compile(ast.Expression(last.value), "cell", "eval"), variables))
    nights, pair, changed, metrics, leads, aliases = shown

    assert nights["superseded"].tolist() == [False, True, False, False]
    assert pair["night"].tolist() == ["2026-01-02", "2026-01-01"]
    assert changed[["what", "old", "new"]].values.tolist() == [
        ["als.factors", "32", "64"],
        ["perso.fingerprint", "data of 2026-01-01", "data of 2026-01-02"],
    ]
    assert metrics[["model", "metric"]].values.tolist() == [["als", "personal/ndcg_at_10"]]
    assert metrics[["old", "new", "difference"]].values[0] == pytest.approx([0.12, 0.15, 0.03])
    assert leads.loc["als", ("difference", "personal/ndcg_minus_popular_at_10")] == pytest.approx(0.03)
    assert aliases[["registered", "alias", "model", "version"]].values.tolist() == [
        ["uk--personal", "champion", "als", "2026-01-02.0123abcd"]
    ]
