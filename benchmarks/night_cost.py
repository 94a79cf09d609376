"""What one night costs the fact stages as history grows tenfold.

    python benchmarks/night_cost.py [--people 20000] [--short 12] [--long 120]

One shop of ``--long`` days is made. Its last night is run on a warehouse that holds the ``--short`` days before
it, and on one that holds them all; the ratio of the two must stay near 1.
"""

import argparse
import shutil
import tempfile
from datetime import date, timedelta
from pathlib import Path
from statistics import median

from installation import Installation, Timed, print_table

LAST_DAY = date(2026, 10, 31)
REPEATS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--short", type=int, default=12)
    parser.add_argument("--long", type=int, default=120)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shop = Installation(Path(folder) / "long")
        shop.perso(
            "simulate", "--people", str(options.people), "--items", "5000", "--days", str(options.long),
            "--last-day", LAST_DAY.isoformat(), "--format", "parquet",
        )  # fmt: skip
        few = Installation(Path(folder) / "short")
        for stream in (shop.home / "landing").iterdir():
            for day in stream.iterdir():
                is_first = day.name == min(p.name for p in stream.iterdir())
                if is_first or date.fromisoformat(day.name) > LAST_DAY - timedelta(days=options.short):
                    shutil.copytree(day, few.home / "landing" / stream.name / day.name)
        nights = {days: _last_night(home) for days, home in [(options.short, few), (options.long, shop)]}
    _report(nights)


def _last_night(installation: Installation) -> list[Timed]:
    first = min(p.name for p in (installation.home / "landing").glob("*/*"))
    before = (LAST_DAY - timedelta(days=1)).isoformat()
    installation.perso("run", "--from", first, "--night", before, "--facts-only")
    night = LAST_DAY.isoformat()
    return [installation.perso("run", "--from", night, "--night", night, "--facts-only") for _ in range(REPEATS)]


def _report(nights: dict[int, list[Timed]]) -> None:
    (short, few), (long, many) = nights.items()
    rows = []
    for step in few[0].steps:
        a, b = (median(t.steps[step] for t in runs) for runs in (few, many))
        rows.append((step, f"{a:.1f}", f"{b:.1f}", f"{b / max(a, 0.05):.2f}"))
    a, b = (median(sum(t.steps.values()) for t in runs) for runs in (few, many))
    rows.append(("all fact stages", f"{a:.1f}", f"{b:.1f}", f"{b / a:.2f}"))
    print_table((f"one night, median of {REPEATS}", f"{short} days", f"{long} days", "ratio"), rows)


if __name__ == "__main__":
    main()
