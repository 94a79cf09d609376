"""What is really so, beside the landing folder: for tests and ``perso verify``, never for the pipeline.

Files: ``people``, ``accounts``, ``devices``, ``tastes``, ``robots``, ``deliveries``, ``caused_orders``,
``deleted_accounts`` (Parquet), ``lift.json``.
"""

import json
from collections import defaultdict
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from perso_pipeline.contracts.sites import Site
from perso_pipeline.shop import arrays, experiments
from perso_pipeline.shop.arrays import Bools, Ints
from perso_pipeline.shop.catalogue import Catalogue
from perso_pipeline.shop.config import ShopConfig
from perso_pipeline.shop.experiments import is_held_out
from perso_pipeline.shop.orders import Lines
from perso_pipeline.shop.people import People, visitor_ids
from perso_pipeline.shop.visits import Visits
from perso_pipeline.shop.words import LEAVES

ARMS = ("treatment", "control")


class Truth:
    """Gathers while the shop runs, writes once at the end."""

    def __init__(self, config: ShopConfig) -> None:
        self._config = config
        self._held: list[Ints] = []  # visitor * people + person, unique per day
        self._proven: list[Ints] = []  # the same, of sessions with a successful sign-in
        self._shown: list[Ints] = []  # the same, once for each session that shows who it is
        self._robots: list[Ints] = []
        self._caused: list[pa.Table] = []
        self._deleted: list[tuple[int, date]] = []
        self.totals: dict[str, dict[str, float]] = {arm: defaultdict(float) for arm in ARMS}
        self.experiments: dict[str, dict[str, dict[str, int]]] = {
            experiment.id: {arm: defaultdict(int) for arm in ARMS} for experiment in config.experiments
        }

    def add_day(
        self, visits: Visits, lines: Lines, *, buys: Bools, caused: Bools, signs_in: Bools, shows: Bools, order: Ints,
        people: People,
    ) -> None:  # fmt: skip
        """Note who held which cookie, and what orders and money each arm brought (before any delivery fault).

        ``shows``: sessions with a sign-in, an order (it names an account or an e-mail address) or a newsletter click.
        """
        human = ~visits.is_robot
        pair = visits.visitor * people.count + visits.person
        self._held.append(pair[human])
        self._proven.append(np.unique(pair[signs_in]))
        self._shown.append(pair[shows & human])
        self._robots.append(visits.visitor[~human])
        for number, arm in enumerate(ARMS):
            mine = human & (visits.is_control == bool(number))
            total = self.totals[arm]
            total["sessions"] += float(mine.sum())
            total["orders"] += float((buys & mine).sum())
            total["orders_caused"] += float((buys & caused & mine).sum())
        for experiment in self._config.experiments:
            arm_of = experiments.arms(experiment, visits.visitor, self._config, people)
            for number, arm in enumerate(ARMS):
                mine = human & (arm_of == number)
                counted = self.experiments[experiment.id][arm]
                counted["orders"] += int((buys & mine).sum())
                counted["orders_caused"] += int((buys & caused & mine).sum())
        rows = np.flatnonzero(buys & caused)
        sites = pa.array([s.id for s in self._config.sites])
        self._caused.append(pa.table({
            "site_id": arrays.words(visits.site[rows], sites).cast(pa.string()),
            "order_id": pa.array(order[rows]).cast(pa.string()),
            "visitor_id": visitor_ids(visits.visitor[rows]),
        }))  # fmt: skip
        online = lines.visitor >= 0
        arms = is_held_out(np.maximum(lines.visitor, 0), self._config, people)
        amount = (lines.quantity * lines.price - lines.discount).astype(float)
        for number, arm in enumerate(ARMS):
            self.totals[arm]["revenue_cents"] += float(amount[online & (arms == bool(number))].sum())

    def add_deleted(self, persons: Ints, day: date) -> None:
        """Note who deleted an account; the event arrives on its day, once and sound."""
        self._deleted += [(int(person), day) for person in persons]

    def write(
        self,
        folder: Path,
        *,
        people: People,
        catalogue: Catalogue,
        deliveries: list[dict[str, Any]],
        undelivered: dict[str, int],
    ) -> None:
        """Write every truth file into ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        sites: tuple[Site, ...] = self._config.sites
        number = np.arange(people.count)
        keys = pa.array([f"person-{i}" for i in range(people.count)])
        held, sessions = np.unique(np.concatenate(self._held), return_counts=True)
        shown, times = np.unique(np.concatenate(self._shown), return_counts=True)
        acts = np.zeros(len(held), dtype=np.int64)
        acts[np.searchsorted(held, shown)] = times
        visitor, person = held // people.count, held % people.count
        pq.write_table(pa.table({
            "person_key": keys,
            "site_id": arrays.words(people.site, pa.array([s.id for s in sites])).cast(pa.string()),
            "customer_id": arrays.words(np.where(people.is_member, number, -1), people.customer_ids).cast(pa.string()),
            "persona": people.persona, "arrival_day": people.arrival_day, "leaving_day": people.leaving_day,
            "visits_per_day": people.visits_per_day, "buying": people.buying,
        }), folder / "people.parquet")  # fmt: skip
        pq.write_table(pa.table({
            "visitor_id": visitor_ids(visitor), "person_key": keys.take(pa.array(person)),
            "has_signed_in": np.isin(held, np.concatenate(self._proven)), "sessions": sessions, "acts": acts,
        }), folder / "devices.parquet")  # fmt: skip
        owned = [people.is_member, people.names.has_second, people.names.has_till_number]
        accounts = np.flatnonzero(np.concatenate(owned))
        pq.write_table(pa.table({
            "customer_id": people.customer_ids.take(pa.array(accounts)),
            "person_key": keys.take(pa.array(accounts % people.count)),
        }), folder / "accounts.parquet")  # fmt: skip
        deleted = np.array([person for person, _ in self._deleted], dtype=np.int64)
        pq.write_table(pa.table({
            "person_key": keys.take(pa.array(deleted)), "customer_id": people.customer_ids.take(pa.array(deleted)),
            "deleted_on": pa.array([day for _, day in self._deleted], pa.date32()),
        }), folder / "deleted_accounts.parquet")  # fmt: skip
        robots = np.concatenate(self._robots)
        pq.write_table(pa.table({"visitor_id": visitor_ids(robots)}), folder / "robots.parquet")
        styles = catalogue.groups // (int(catalogue.leaf.max()) + 1)
        paths = pa.array([path for path, _, _ in LEAVES])
        pq.write_table(pa.table({
            "person_key": keys.take(pa.array(np.repeat(number, people.tastes.shape[1]))),
            "category": paths.take(pa.array(people.tastes.ravel() // styles)),
            "style": people.tastes.ravel() % styles,
            "weight": people.weights.ravel(),
        }), folder / "tastes.parquet")  # fmt: skip
        pq.write_table(pa.Table.from_pylist(deliveries), folder / "deliveries.parquet")
        pq.write_table(pa.concat_tables(self._caused), folder / "caused_orders.parquet")
        seen = np.unique(visitor)
        control = is_held_out(seen, self._config, people)
        for index, arm in enumerate(ARMS):
            self.totals[arm]["visitors"] = float((control == bool(index)).sum())
        treated = self.totals["treatment"]
        without = treated["orders"] - treated["orders_caused"]
        (folder / "lift.json").write_text(json.dumps({
            "true_lift": self._config.true_lift,
            "holdout_id": self._config.holdout_id,
            "holdout_share": self._config.holdout_share,
            "unit": "visitor_id",
            "orders_caused": int(treated["orders_caused"]),
            "orders_without_lists": int(without),
            "realised_lift": treated["orders_caused"] / without if without else None,
            "arms": {arm: {k: (int(v)) for k, v in sorted(values.items())} for arm, values in self.totals.items()},
            "experiments": self.experiments,
            "undelivered": dict(sorted(undelivered.items())),
        }, indent=2) + "\n", encoding="utf-8")  # fmt: skip
