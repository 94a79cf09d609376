"""Components night by night, against a plain search on each night."""

import numpy as np
import pytest

from perso_pipeline.identity import components
from perso_pipeline.identity.components import NEVER, Graph, Stretches, trace


def graph(known_on: list[int], *links: tuple[int, int, float, int, int | None]) -> Graph:
    """Links as (one, other, confidence, since, until)."""
    columns = list(zip(*links, strict=True)) or [[], [], [], [], []]
    return Graph(
        known_on=np.array(known_on), one=np.array(columns[0], dtype=np.int64),
        other=np.array(columns[1], dtype=np.int64), confidence=np.array(columns[2], dtype=np.float64),
        since=np.array(columns[3], dtype=np.int64),
        until=np.array([NEVER if until is None else until for until in columns[4]], dtype=np.int64),
    )  # fmt: skip


def rows(stretches: Stretches) -> list[tuple[int, int, float, int, int | None]]:
    """(identifier, root, confidence, since, until) in order."""
    return [
        (int(i), int(r), float(c), int(s), None if u == NEVER else int(u))
        for i, r, c, s, u in zip(
            stretches.identifier, stretches.root, stretches.confidence, stretches.since, stretches.until, strict=True
        )
    ]


def test_three_hops_are_one_component_whose_root_is_the_identifier_known_first() -> None:
    # 0 - 1 - 2 - 3, each known a day later than the one before and linked at once
    found = trace(graph([1, 2, 3, 4], (0, 1, 0.9, 2, None), (1, 2, 0.7, 3, None), (2, 3, 1.0, 4, None)))
    assert rows(found) == [(0, 0, 1.0, 1, None), (1, 0, 0.9, 2, None), (2, 0, 0.7, 3, None), (3, 0, 0.7, 4, None)]


def test_an_older_component_gives_its_root_to_the_one_it_takes_in() -> None:
    found = trace(graph([1, 2, 2], (1, 2, 1.0, 2, None), (0, 2, 1.0, 5, None)))
    assert rows(found) == [(0, 0, 1.0, 1, None), (1, 1, 1.0, 2, 5), (1, 0, 1.0, 5, None), (2, 1, 1.0, 2, 5), (2, 0, 1.0, 5, None)]  # fmt: skip


def test_a_link_that_ends_gives_back_the_root_from_before() -> None:
    found = trace(graph([1, 1], (0, 1, 1.0, 3, 6)))
    assert rows(found) == [(0, 0, 1.0, 1, None), (1, 1, 1.0, 1, 3), (1, 0, 1.0, 3, 6), (1, 1, 1.0, 6, None)]


def test_confidence_is_that_of_the_weakest_link_on_the_surest_way() -> None:
    # from 3 to 0: over 1 the weakest link is 0.6, over 2 it is 0.8
    links = [(0, 1, 1.0, 1, None), (1, 3, 0.6, 1, None), (0, 2, 0.8, 1, None), (2, 3, 0.9, 1, None)]
    assert rows(trace(graph([1, 1, 1, 1], *links)))[3] == (3, 0, 0.8, 1, None)


def test_a_pair_kept_apart_loses_its_weakest_link_and_nobody_else_does() -> None:
    # customers 0 and 2 share phone 1; 3 belongs to 2, 4 and 5 are strangers
    links = [(0, 1, 0.8, 1, None), (1, 2, 0.7, 2, None), (2, 3, 1.0, 2, None), (4, 5, 1.0, 1, None)]
    found = trace(graph([1, 1, 1, 2, 1, 1], *links), apart=[(0, 2)])
    roots = {i: r for i, r, *_ in rows(found)}
    assert roots == {0: 0, 1: 0, 2: 2, 3: 2, 4: 4, 5: 4}
    assert len(rows(found)) == 6  # and nothing ever changed


def _naive(graph: Graph, day: int) -> dict[int, int]:
    """Root of everybody who exists on a day, by search."""
    around: dict[int, set[int]] = {i: {i} for i in range(len(graph.known_on)) if graph.known_on[i] <= day}
    for one, other, since, until in zip(graph.one, graph.other, graph.since, graph.until, strict=True):
        if since <= day < until:
            around[int(one)].add(int(other))
            around[int(other)].add(int(one))
    roots: dict[int, int] = {}
    for start in sorted(around):
        waiting = [] if start in roots else [start]
        while waiting:
            at = waiting.pop()
            if at not in roots:
                roots[at] = start
                waiting += around[at]
    return roots


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("copies", [4_000_000, 7], ids=["in one batch", "in small batches"])
def test_every_night_is_as_a_plain_search_finds_it(monkeypatch: pytest.MonkeyPatch, seed: int, copies: int) -> None:
    monkeypatch.setattr(components, "_COPIES", copies)
    rng = np.random.default_rng(seed)
    known_on = np.sort(rng.integers(1, 9, 30))
    one, other = rng.integers(0, 30, (2, 24))
    since = np.maximum(np.maximum(known_on[one], known_on[other]), rng.integers(1, 9, 24))
    until = np.where(rng.random(24) < 0.3, since + rng.integers(1, 5, 24), NEVER)
    made = Graph(
        known_on=known_on, one=one, other=other, confidence=rng.choice([0.7, 0.8, 1.0], 24), since=since, until=until
    )
    found = rows(trace(made))
    for day in range(1, 14):
        valid = {i: r for i, r, _, s, u in found if s <= day and (u is None or day < u)}
        assert valid == _naive(made, day)
    assert len({(i, s) for i, _, _, s, _ in found}) == len(found)
