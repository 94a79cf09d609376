"""Click and order rates that other lists would have had, scenario by scenario, as rows with an interval or a reason.

From slots served with a known chance to ``off_policy``'s arrays and back. Keep the statistics there.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from perso_pipeline.measurement.inference.moments import NotEstimable
from perso_pipeline.measurement.off_policy import (
    ESTIMATORS,
    Codes,
    Decisions,
    Outcome,
    Policy,
    contrast,
    cross_fitted_rates,
    evaluate,
)

OUTCOMES = {"click rate": "is_clicked", "order rate": "is_ordered"}
POLICIES = ("present", "other", "difference")
MOST_UNLIKE = 0.05
"""Share of the slots served that may hold another item than the night's lists."""

ESTIMATES = pa.schema(
    [
        ("scenario_id", pa.string()),
        ("site_id", pa.string()),
        ("outcome", pa.string()),
        ("policy", pa.string()),
        ("estimator", pa.string()),
        ("value", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("slots", pa.int64()),
        ("effective_sample_size", pa.float64()),
        ("support", pa.float64()),
        ("reason", pa.string()),
    ]
)


def policy_estimates(served: pa.Table, wanted: Sequence[tuple[str, str]], *, confidence: float = 0.95) -> pa.Table:
    """A row per scenario, site, outcome, policy and estimator; per slot served, over all nights handed in.

    Args:
        served: Slots with what either config shows there before it explores, as the back-test gives them.
        wanted: (scenario, site) that something is to be said of.
        confidence: Of the intervals.
    """
    rows: list[dict[str, Any]] = []
    for scenario_id, site_id in wanted:
        of_both = pc.and_(pc.equal(served["scenario_id"], scenario_id), pc.equal(served["site_id"], site_id))
        slots = served.filter(of_both)
        for outcome, column in OUTCOMES.items():
            for policy, found in _estimates(slots, column, confidence).items():
                key = {"scenario_id": scenario_id, "site_id": site_id, "outcome": outcome, "policy": policy}
                rows += [{**key, "estimator": name, **_columns(found[name])} for name in ESTIMATORS]
    return pa.Table.from_pylist(rows, schema=ESTIMATES)


def _estimates(slots: pa.Table, column: str, confidence: float) -> dict[str, dict[str, Outcome]]:
    reason = _unusable(slots)
    if reason is not None:
        return {policy: dict.fromkeys(ESTIMATORS, reason) for policy in POLICIES}
    unlike = pc.not_equal(slots["item_id"], slots["listed_item_id"])
    slots = slots.filter(pc.and_(pc.invert(unlike), _filled(slots)))
    decisions = Decisions(
        reward=slots[column].cast(pa.int8()).to_numpy().astype(np.float64), unit=_codes(slots["unit"])
    )
    present, other = (_policy(slots, side, decisions) for side in ("before", "after"))
    return {
        "present": evaluate(decisions, present, confidence=confidence),
        "other": evaluate(decisions, other, confidence=confidence),
        "difference": contrast(decisions, other, present, confidence=confidence),
    }


def _filled(slots: pa.Table) -> pa.ChunkedArray:
    """Slots that both configs fill: a rate per slot says nothing of one that is not there."""
    return pc.and_(slots["before_item_id"].is_valid(), slots["after_item_id"].is_valid())


def _unusable(slots: pa.Table) -> NotEstimable | None:
    if not slots.num_rows:
        return NotEstimable(
            "No slot is known that was served with a chance to hold another item: "
            "the scenario explores nothing, is for carts, or was not served."
        )
    unlike = float(pc.mean(pc.not_equal(slots["item_id"], slots["listed_item_id"]).cast(pa.int8())).as_py())
    if unlike > MOST_UNLIKE:
        return NotEstimable(
            f"{unlike:.1%} of the slots served do not hold what the night's lists have there, at most "
            f"{MOST_UNLIKE:.0%}: what was served with which chance is not known."
        )
    return None


def _policy(slots: pa.Table, side: str, decisions: Decisions) -> Policy:
    chosen, drawn = slots[f"{side}_item_id"], slots["item_id"]
    is_chosen = pc.equal(chosen, drawn).to_numpy()
    items = pa.concat_arrays([*drawn.chunks, *chosen.chunks]).dictionary_encode().indices.to_numpy()
    slot = slots["slot"].to_numpy()
    cell = items.astype(np.int64) * (int(slot.max(initial=0)) + 1) + np.tile(slot, 2)
    cell = np.unique(cell, return_inverse=True)[1]
    was_drawn, wanted = cell[: len(slot)], cell[len(slot) :]
    of_drawn, of_chosen = cross_fitted_rates(
        cell=was_drawn,
        group=slot,
        wanted=np.where(np.isin(wanted, was_drawn), wanted, -1),
        reward=decisions.reward,
        unit=decisions.unit,
    )
    return Policy(
        weight=is_chosen / slots["propensity"].to_numpy(),
        is_supported=slots[f"{side}_had_chance"].to_numpy(),
        expected=of_chosen,
        expected_of_drawn=of_drawn,
    )


def _codes(column: pa.ChunkedArray) -> Codes:
    codes: NDArray[np.int64] = column.combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
    return codes


def _columns(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, NotEstimable):
        return {"reason": outcome.reason}
    return {
        "value": outcome.value,
        "low": outcome.low,
        "high": outcome.high,
        "slots": outcome.decisions,
        "effective_sample_size": outcome.effective_sample_size,
        "support": outcome.support,
    }
