"""The whole night at size: 10 million events, 400,000 people, 40,000 items, from landing to published lists.

    python benchmarks/whole_night.py [--people 400000] [--items 40000] [--days 10] [--memory-limit 2500MB]

All days are landed at once; one run of the fact stages takes them all, then everything after runs for the last night:
profiles, segments, models trained and compared, candidates, lists with trace, gates, publication, report. Beside each
stage stands the same work without a product round it, where it was measured: DuckDB's deduplication, sessions, rollups
and profiles of 10 million events, implicit's ALS with 64 factors over 10 million interactions and its lists for 400,000
people, co-occurrence by sparse_dot_topn, dbt and Dagster with empty models (two cores, one run each). The one limit that is
changed is the share of items that lists must show: in ten days 400,000 people see few of 40,000.
"""

import argparse
import re
import shutil
import tempfile
from pathlib import Path

from installation import Installation, Timed, print_table

from perso_pipeline.settings import PROJECT_ROOT

LAST_DAY = "2026-10-31"
STAGES = {
    "facts: raw to interactions": ("raw", "staging", "facts", "identity", "interactions"),
    "profiles": ("profiles", "prediction"),
    "segments": ("segment",),
    "models": ("model", "candidates"),
    "recommendations and publication": ("recommendation", "publication", "activation"),
    "measurement and report": ("measurement",),
}
BARE = {
    "facts: raw to interactions": (25.6, "deduplication, sessions, rollup, interactions"),
    "profiles": (4.2, "RFM, mode and median by customer"),
    "models": (84.0, "ALS 39, its lists 32, item to item 8, co-occurrence 5"),
    "measurement and report": (0.5, "revenue by channel, last touch"),
}
BUYS = {  # said where a stage takes more than half as long again as its bare part
    "facts: raw to interactions": "contracts and quarantine, every file's records accounted for, late and double records, "
    "identity with its evidence, served lists, daily sums, gates",
    "profiles": "98 columns with windows, statements by precedence of their source, nine kinds of affinity, predictions",
    "models": "six models raced with intervals and slices, submodels, cold items, checked files, a gate",
    "measurement and report": "the funnel of every slot, arms that stay, restatement, eight ways to give credit that sum to "
    "the ledger, the page",
}
OTHER = "everything else"
ERASING = "erasure__receipts"  # after publication, and longer the more accounts were deleted that night


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=400_000)
    parser.add_argument("--items", type=int, default=40_000)
    parser.add_argument("--days", type=int, default=10)
    parser.add_argument(
        "--memory-limit", default="2500MB", help="DuckDB's limit (PERSO_MEMORY_LIMIT); Python adds 1.4 GB"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(PROJECT_ROOT / "config", Path(folder) / "config")
        scenarios = Path(folder) / "config" / "scenarios.yml"
        limit = re.compile(r"min_item_coverage: [\d.]+")
        scenarios.write_text(
            limit.sub("min_item_coverage: 0.01", scenarios.read_text(encoding="utf-8")), encoding="utf-8"
        )
        shop = Installation(Path(folder) / "home", options.memory_limit, Path(folder) / "config")
        shop.perso(
            "simulate", "--people", str(options.people), "--items", str(options.items), "--days", str(options.days),
            "--last-day", LAST_DAY, "--format", "parquet",
        )  # fmt: skip
        first = min(path.name for path in (shop.home / "landing").glob("*/*"))
        _report(shop.perso("run", "--from", first, "--night", LAST_DAY, "--later-from", LAST_DAY))


def stage_of(step: str) -> str:
    return next((stage for stage, words in STAGES.items() if step.startswith(tuple(words))), OTHER)


def _report(night: Timed) -> None:
    seconds = dict.fromkeys((*STAGES, OTHER), 0.0)
    for step, spent in night.steps.items():
        if step != ERASING:
            seconds[stage_of(step)] += spent
    rows, dear = [], []
    for stage, ours in seconds.items():
        bare, what = BARE.get(stage, (None, ""))
        rows.append((stage, f"{ours:.1f}", f"{bare:.1f}" if bare else "", f"{ours / bare:.1f}" if bare else "", what))
        if bare and ours > 1.5 * bare:
            dear.append(stage)
    rows.append(
        ("start-up, orchestration", f"{night.seconds - sum(night.steps.values()):.1f}", "7.0", "", "dbt 5, Dagster 2")
    )
    erasing = night.steps.get(ERASING, 0.0)
    peak = max(some for step, some in night.peaks.items() if step not in ("", ERASING))
    rows.append(("landing to published", f"{night.seconds - erasing:.1f}", "", "", f"peak {peak / 1e9:.2f} GB"))
    rows.append(
        ("erasing deleted accounts", f"{erasing:.1f}", "", "", f"peak {night.peaks.get(ERASING, 0) / 1e9:.2f} GB")
    )
    print_table(("stage", "seconds", "bare", "ratio", "what the bare part does"), rows)
    print()
    for stage in dear:
        print(f"{stage} takes more than 1.5 times its bare part; it buys {BUYS[stage]}")
    print()
    slowest = sorted(night.steps.items(), key=lambda step: -step[1])[:15]
    print_table(("step", "seconds"), [(step, f"{spent:.1f}") for step, spent in slowest])


if __name__ == "__main__":
    main()
