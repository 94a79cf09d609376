"""Segments that find themselves: combinations of attributes whose people convert or spend unlike everyone else.

Found on one half of the people with Benjamini-Hochberg over all combinations tested; confirmed on the other half,
in the direction found, with Benjamini-Yekutieli over what was found. Combinations overlap, so their tests depend on
each other in both directions and the first bound alone would not be sure; the second one holds for any dependence,
and the halves share no person. What is read of the warehouse is in ``discovery_tables.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from perso_pipeline.segments.combinations import Cell, cells_of, moments_of
from perso_pipeline.segments.discovery_stats import (
    Moments,
    adjusted,
    mean_scores,
    one_sided,
    share_scores,
    two_sided,
)

CONVERSION, AVERAGE_CART = "conversion", "average_cart"
METRICS = (CONVERSION, AVERAGE_CART)
_SCORES = {CONVERSION: share_scores, AVERAGE_CART: mean_scores}
_LEAST_ORDERS = 10  # expected in the smaller part, below which the normal score of a share is too rough
_LEAST_BUYERS = 50  # with a cart, in and out of the combination: the mean of a skewed amount needs them
_TRIM = 0.99  # carts above this share of all count as that one: one wholesaler must not make a segment
_EXPLAINED_FROM = 0.001
"""A combination whose people differ no more (p above this) once those of a stronger one are left out is explained."""


@dataclass(frozen=True)
class Population:
    """People of one site who are looked at.

    Attributes:
        codes: People x attributes: number of the value, -1 where it is too rare.
        converted: 1 for those who ordered in the window, else 0.
        average_cart: Average order value; NaN for those who never ordered.
        is_confirming: Which half: found on the one, confirmed on the other.
    """

    codes: np.ndarray
    converted: np.ndarray
    average_cart: np.ndarray
    is_confirming: np.ndarray

    def outcome(self, metric: str) -> np.ndarray:
        """The number that is compared, by person."""
        if metric == CONVERSION:
            return self.converted.astype(float)
        known = self.average_cart[~np.isnan(self.average_cart)]
        return np.minimum(self.average_cart, np.quantile(known, _TRIM)) if len(known) else self.average_cart


@dataclass(frozen=True)
class Difference:
    """One half's comparison of a combination with everyone else of the site."""

    people: int
    value: float
    average: float
    p_value: float
    q_value: float


@dataclass(frozen=True)
class Discovery:
    """A combination that was found, and what the other half says."""

    site_id: str
    metric: str
    cell: Cell
    found: Difference
    confirming: Difference
    is_confirmed: bool
    explained_by: Cell | None

    @property
    def is_above(self) -> bool:
        """Whether the people of the combination are above everyone else."""
        return self.found.value > self.found.average


@dataclass(frozen=True)
class _Tests:
    site_id: str
    metric: str
    cells: list[Cell]
    group: Moments
    rest: Moments
    scores: np.ndarray


def discover(
    populations: Mapping[str, Population], *, least_people: int, false_share: float
) -> tuple[list[Discovery], dict[tuple[str, str], int]]:
    """Discoveries over all sites and metrics as one family, and combinations tested by site and metric."""
    cells = {
        site: cells_of(people.codes, people.is_confirming, least_people=least_people)
        for site, people in populations.items()
    }
    tests = [_tests(site, metric, people, cells[site]) for site, people in populations.items() for metric in METRICS]
    tested = {(test.site_id, test.metric): len(test.cells) for test in tests}
    p_values = np.concatenate([two_sided(test.scores) for test in tests]) if tests else np.empty(0)
    q_values = adjusted(p_values, any_dependence=False)
    places = [(owner, number) for owner, test in enumerate(tests) for number in range(len(test.cells))]
    chosen = [(*places[row], int(row)) for row in np.flatnonzero(q_values <= false_share)]
    confirming = _confirm(populations, tests, chosen)
    confirmed = [other.q_value <= false_share for other in confirming]
    found: list[Discovery] = []
    for (owner, number, row), other, is_confirmed in zip(chosen, confirming, confirmed, strict=True):
        test = tests[owner]
        difference = _difference(test.group, test.rest, number, p_values[row], q_values[row])
        found.append(Discovery(test.site_id, test.metric, test.cells[number], difference, other, is_confirmed, None))
    return _explained(populations, found, least_people), tested


def _tests(site: str, metric: str, people: Population, cells: list[Cell]) -> _Tests:
    """The combinations that can be judged in either half, scored on the finding half."""
    outcome = people.outcome(metric)
    sides = []
    for half in (~people.is_confirming, people.is_confirming):
        group, everyone = moments_of(cells, people.codes, outcome, half)
        sides.append((group, everyone.without(group)))
    enough = np.ones(len(cells), dtype=bool)
    for group, rest in sides:
        if metric == CONVERSION:
            share = (group.total + rest.total) / np.maximum(group.count + rest.count, 1)
            smaller = np.minimum(group.count, rest.count)
            enough &= np.minimum(share, 1 - share) * smaller >= _LEAST_ORDERS
        else:
            enough &= np.minimum(group.count, rest.count) >= _LEAST_BUYERS
    group, rest = sides[0]
    scores = _SCORES[metric](group, rest)
    rows = np.flatnonzero(enough & ~np.isnan(scores))
    return _Tests(site, metric, [cells[row] for row in rows], group.take(rows), rest.take(rows), scores[rows])


def _confirm(
    populations: Mapping[str, Population], tests: list[_Tests], chosen: list[tuple[int, int, int]]
) -> list[Difference]:
    sides: list[tuple[Moments, Moments]] = []
    p_values: list[float] = []
    for owner, number, _ in chosen:
        test = tests[owner]
        people = populations[test.site_id]
        group, everyone = moments_of(
            [test.cells[number]], people.codes, people.outcome(test.metric), people.is_confirming
        )
        rest = everyone.without(group)
        score = _SCORES[test.metric](group, rest)
        sides.append((group, rest))
        # what does not vary in the other half confirms nothing
        p_values.append(float(np.nan_to_num(one_sided(score, np.sign(test.scores[[number]])), nan=1.0)[0]))
    q_values = adjusted(np.array(p_values), any_dependence=True)
    return [_difference(group, rest, 0, p, q) for (group, rest), p, q in zip(sides, p_values, q_values, strict=True)]


def _difference(group: Moments, rest: Moments, row: int, p_value: float, q_value: float) -> Difference:
    return Difference(
        int(group.count[row]), float(group.mean[row]), float(rest.mean[row]), float(p_value), float(q_value)
    )


def _explained(populations: Mapping[str, Population], found: list[Discovery], least_people: int) -> list[Discovery]:
    """Strongest first: what differs no more without the people of stronger ones is explained by one of them.

    Those above the average go first and are explained by such alone; what lies below may also lie there only because
    others lie above.
    """
    strength = sorted(
        found,
        key=lambda d: (not d.is_confirmed, not d.is_above, d.found.p_value * d.confirming.p_value, d.cell.attributes),
    )
    kept: dict[tuple[str, str], list[tuple[Discovery, np.ndarray]]] = {}
    result: list[Discovery] = []
    for discovery in strength:
        by = None
        if discovery.is_confirmed:
            people = populations[discovery.site_id]
            mine = discovery.cell.holds(people.codes)
            stronger = kept.setdefault((discovery.site_id, discovery.metric), [])
            by = _explanation(people, discovery, mine, stronger, least_people)
            if by is None:
                stronger.append((discovery, mine))
        result.append(replace(discovery, explained_by=by))
    return result


def _explanation(
    people: Population,
    discovery: Discovery,
    mine: np.ndarray,
    stronger: list[tuple[Discovery, np.ndarray]],
    least_people: int,
) -> Cell | None:
    """The stronger one without whose people nothing is left of it; each comes with whom it holds, as ``mine``."""
    shared = {other.cell: int((theirs & mine).sum()) for other, theirs in stronger}
    able = [(o.cell, theirs) for o, theirs in stronger if shared[o.cell] or o.is_above > discovery.is_above]
    if not able:
        return None
    outside = ~np.any([theirs for _, theirs in able], axis=0)
    group, everyone = moments_of([discovery.cell], people.codes, people.outcome(discovery.metric), outside)
    score = _SCORES[discovery.metric](group, everyone.without(group))
    is_different = group.count[0] >= least_people and bool(two_sided(score)[0] < _EXPLAINED_FROM)
    return None if is_different else max((cell for cell, _ in able), key=shared.__getitem__)
