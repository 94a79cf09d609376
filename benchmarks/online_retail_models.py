"""Every model of the roster on Online Retail II with its last eight weeks held out, and what two stages add.

    python -m benchmarks.online_retail_models [--source FILE] [--home FOLDER] [--only NAME ...] [--step DAYS]

Settings are those of config/models.yml, which were chosen on days before 2011-09-05; what is held out here begins
on 2011-10-15. Models learn from the 365 days before the cut and are asked once for each person who came to want
something new; what a person had before is left out. ``--step 14`` refits every 14 days of the eight weeks, as a
shop would, and averages each person's origins. Intervals are paired: the same resampled people for all models.

The installation in ``--home`` is made where it does not exist (import and backfill, about a minute and a half).
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from benchmarks.installation import Installation, print_table
from perso_pipeline.contracts.config_files import read_config
from perso_pipeline.models import metrics
from perso_pipeline.models.config import ModelsConfig, SiteModels
from perso_pipeline.models.evaluation import answers
from perso_pipeline.models.evidence import Evidence, read_evidence, with_evidence
from perso_pipeline.models.intervals import Resamples
from perso_pipeline.models.past import with_past
from perso_pipeline.models.protocol import TooLargeError
from perso_pipeline.models.roster import ALL, build
from perso_pipeline.models.signals import Signals, read_signals
from perso_pipeline.models.split import Split, split
from perso_pipeline.resources.warehouse import DuckDBWarehouse
from perso_pipeline.settings import PROJECT_ROOT

SOURCE = PROJECT_ROOT.parent / "shared" / "data" / "online_retail_II" / "online_retail_II_2009_2011.parquet"
SITE, FIRST, LAST = "online-retail", date(2009, 12, 1), date(2011, 12, 9)
HELD_OUT_DAYS = 56
TWO_STAGES = "two_stage"
MEASURES = (("ndcg", 10), ("recall", 10), ("recall", 20), ("map", 10), ("hit_rate", 10))
Values = dict[tuple[str, int], np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, default=SOURCE)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--only", nargs="*", default=list(ALL), choices=ALL)
    parser.add_argument("--step", type=int, default=HELD_OUT_DAYS)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = options.home or Path(folder)
        warehouse = DuckDBWarehouse(installed(home, options.source))
        config = read_config(PROJECT_ROOT / "config" / "models.yml", ModelsConfig).for_site(SITE)
        seen: dict[str, list[Values]] = {}
        people: list[np.ndarray] = []
        seconds: dict[str, np.ndarray] = {}
        for parts in origins(warehouse, config, options.step):
            print(f"train before {parts.cut}, held out to {parts.end}: {len(parts.people):,} people", flush=True)
            people.append(parts.train.people[parts.people])
            for name, values, spent in measured(parts, config, options.only, options.threads):
                seen.setdefault(name, []).append(values)
                seconds[name] = seconds.get(name, np.zeros(2)) + spent
    report({name: by_person(v, people) for name, v in seen.items() if len(v) == len(people)}, seconds, config)


def installed(home: Path, source: Path) -> Path:
    path = home / "warehouse" / "perso.duckdb"
    if not path.exists():
        installation = Installation(home)
        installation.perso("import", "online-retail", str(source))
        installation.perso("run", "--from", str(FIRST), "--night", str(LAST), "--facts-only")
    return path


def origins(warehouse: DuckDBWarehouse, config: SiteModels, step: int) -> Iterator[Split]:
    """One split per ``step`` days of what is held out, each with the year before it to learn from."""
    begins = LAST - timedelta(days=HELD_OUT_DAYS - 1)
    for start in range(0, HELD_OUT_DAYS, step):
        days = min(step, HELD_OUT_DAYS - start)
        night = begins + timedelta(days=start + days - 1)
        reading = config.signals.model_copy(update={"window_days": config.signals.window_days + days})
        signals = read_signals(warehouse, SITE, night, reading)
        evidence = read_evidence(warehouse, SITE, night, reading, events=True, items=True)
        yield with_everything(signals, evidence, config, days)


def with_everything(signals: Signals, evidence: Evidence, config: SiteModels, days: int) -> Split:
    settings = config.evaluation.model_copy(update={"test_days": [days], "enough_people": 2, "max_people": 100_000})
    parts = split(signals, settings, config.signals)
    if not isinstance(parts, Split):
        raise SystemExit(parts.because)
    train = with_past(with_evidence(parts.train, evidence), signals, config.signals, evidence)
    return replace(parts, train=train)


def measured(
    parts: Split, config: SiteModels, names: list[str], threads: int
) -> Iterator[tuple[str, Values, np.ndarray]]:
    """Of each model a value per person and measure, and the seconds of fitting and of answering."""
    for name in names:
        begun = time.perf_counter()
        try:
            model = build(config, threads=threads, names=[name])[name].fit(parts.train)
        except TooLargeError as refusal:
            print(f"{name} stays out: {refusal}")
            continue
        fitted = time.perf_counter()
        lists = answers(model, parts, max(k for _, k in MEASURES))
        spent = np.array([fitted - begun, time.perf_counter() - fitted])
        print(f"{name}: fitted in {spent[0]:.1f} s, answered in {spent[1]:.1f} s", flush=True)
        yield name, {(metric, k): metrics.accuracy(lists, parts.relevant, k)[metric] for metric, k in MEASURES}, spent


def by_person(origins_values: list[Values], people: list[np.ndarray]) -> Values:
    """The mean over the origins in which a person was asked for."""
    _, who = np.unique(np.concatenate(people), return_inverse=True)
    times = np.bincount(who)
    return {
        measure: np.bincount(who, weights=np.concatenate([values[measure] for values in origins_values])) / times
        for measure in MEASURES
    }


def report(values: dict[str, Values], seconds: dict[str, np.ndarray], config: SiteModels) -> None:
    primary = MEASURES[0]
    units = len(next(iter(values.values()))[primary])
    settings = config.evaluation
    resamples = Resamples.of(units, settings)

    def shown(column: np.ndarray, *, signed: bool = False) -> str:
        low, high = resamples.interval(column)
        mean = float(column.mean())
        return f"{mean:+.4f} [{low:+.4f}, {high:+.4f}]" if signed else f"{mean:.4f} [{low:.4f}, {high:.4f}]"

    order = sorted(values, key=lambda name: -values[name][primary].mean())
    rows = [
        (name, *(shown(values[name][measure]) for measure in MEASURES), *(f"{s:.1f}" for s in seconds[name]))
        for name in order
    ]
    print(f"\n{units:,} people, {settings.confidence:.0%} intervals, {settings.bootstrap_samples} resamples\n")
    print_table(("model", *(f"{metric}@{k}" for metric, k in MEASURES), "fit s", "answer s"), rows)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"\npeak memory of the process: {peak:.1f} GB")
    if TWO_STAGES not in values or len(values) == 1:
        return
    print(f"\n{TWO_STAGES} minus each other model, the same resampled people:\n")
    ours = values[TWO_STAGES]
    differences = [
        (name, *(shown(ours[m] - values[name][m], signed=True) for m in MEASURES))
        for name in order
        if name != TWO_STAGES
    ]
    print_table(("minus", *(f"{metric}@{k}" for metric, k in MEASURES)), differences)
    for best in {next(n for n in order if n not in without): None for without in ({TWO_STAGES}, {TWO_STAGES, "blend"})}:
        low, _ = resamples.interval(ours[primary] - values[best][primary])
        word = "beats" if low > 0 else "does not surely beat"
        gained = shown(ours[primary] - values[best][primary], signed=True)
        print(f"\n{TWO_STAGES} {word} {best} by {gained} in {primary[0]}@{primary[1]}.")


if __name__ == "__main__":
    main()
