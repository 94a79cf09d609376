"""What a back-test prints."""

import io

import pyarrow as pa
from rich.console import Console

from perso_pipeline.measurement.policy_estimates import ESTIMATES
from perso_pipeline.operation.backtest_view import show_estimates


def _printed(rows: list[dict[str, object]]) -> str:
    out = Console(file=io.StringIO(), width=200)
    show_estimates(pa.Table.from_pylist(rows, schema=ESTIMATES), out)
    return out.file.getvalue()  # type: ignore[attr-defined]


def _row(policy: str, outcome: str = "click rate", **columns: object) -> dict[str, object]:
    return {"scenario_id": "home", "site_id": "uk", "outcome": outcome, "policy": policy, "estimator": "ips", **columns}


def test_an_estimate_stands_with_its_interval_and_what_it_is_worth() -> None:
    found = {
        "value": 0.031,
        "low": 0.029,
        "high": 0.033,
        "slots": 12_000,
        "effective_sample_size": 810.0,
        "support": 1.0,
    }
    printed = _printed([_row("other", **found)])
    assert "3.100% (2.900% to 3.300%)" in printed
    assert "810 of 12,000" in printed


def test_a_reason_that_holds_for_all_is_said_once() -> None:
    why = {"reason": "Nothing explored."}
    all_rows = [_row(p, o, **why) for p in ("present", "other", "difference") for o in ("click rate", "order rate")]
    assert _printed(all_rows) == "home on uk: click and order rate not estimable. Nothing explored.\n"


def test_a_reason_for_some_says_for_which() -> None:
    printed = _printed(
        [_row("other", "order rate", reason="Too few."), _row("difference", "order rate", reason="Too few.")]
    )
    assert printed == "home on uk: order rate of other, order rate of difference not estimable. Too few.\n"
