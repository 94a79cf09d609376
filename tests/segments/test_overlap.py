from datetime import date

import numpy as np
import pyarrow as pa

from perso_pipeline.segments.overlap import overlaps
from perso_pipeline.segments.plots import history_plot, overlap_plot

NIGHT = date(2026, 3, 10)
SITES = pa.chunked_array([["de"] * 2, ["uk"] * 4])


def test_shares_and_lift_by_hand():
    """uk: a = {1, 2}, b = {2, 3, 4}: 1 in both, half of a, a third of b; by chance 3/4 of a would be in b."""
    a = np.array([True, False, True, True, False, False])
    b = np.array([False, False, False, True, True, True])
    rows = overlaps(SITES, [a, b], ["a", "b"], NIGHT).to_pylist()
    found = {
        (r["site_id"], r["segment_id"], r["other_segment_id"]): (r["people"], r["share"], round(r["lift"], 3))
        for r in rows
    }
    assert found == {
        ("de", "a", "a"): (1, 1.0, 2.0),
        ("uk", "a", "a"): (2, 1.0, 2.0), ("uk", "a", "b"): (1, 0.5, 0.667),
        ("uk", "b", "a"): (1, 1 / 3, 0.667), ("uk", "b", "b"): (3, 1.0, 1.333),
    }  # fmt: skip


def test_counts_are_exact_beyond_one_machine_word():
    rng = np.random.default_rng(1)
    held = [rng.random(1001) < 0.5 for _ in range(3)]
    rows = overlaps(pa.chunked_array([["uk"] * 1001]), held, ["a", "b", "c"], NIGHT).to_pylist()
    for row in rows:
        one, other = ("abc".index(row[name]) for name in ("segment_id", "other_segment_id"))
        assert row["people"] == int((held[one] & held[other]).sum())
    assert len(rows) == 9


def test_plots_are_pictures_in_markdown():
    a = np.array([True, False, True, True, False, False])
    overlap = overlaps(SITES, [a], ["a"], NIGHT)
    assert overlap_plot(overlap).startswith("![overlap of segments](data:image/png;base64,iVBOR")
    assert overlap_plot(overlap.slice(0, 0)) == "nobody is in any segment"
    history = pa.table({"night": [NIGHT], "name": ["A"], "people": [3]})
    assert history_plot(history).startswith("![people per segment over time](data:image/png;base64,iVBOR")
