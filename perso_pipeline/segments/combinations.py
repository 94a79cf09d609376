"""Combinations of up to three attributes, and moments of an outcome in each.

People are rows of small integers here, one per attribute: -1 is a value too rare to be looked at.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from perso_pipeline.segments.discovery_stats import Moments

MOST_ATTRIBUTES = 3


@dataclass(frozen=True)
class Cell:
    """One combination: attribute numbers and, for each, the number of its value."""

    attributes: tuple[int, ...]
    values: tuple[int, ...]

    def holds(self, codes: np.ndarray) -> np.ndarray:
        """Whether each row of ``codes`` (people x attributes) is in the cell."""
        return np.all(codes[:, list(self.attributes)] == self.values, axis=1)


def cells_of(codes: np.ndarray, halves: np.ndarray, *, least_people: int) -> list[Cell]:
    """Combinations with enough people in and out of them in either half, and other people than their parts.

    Sizes say nothing about outcomes, so choosing by them costs no false discoveries.
    """
    found: list[Cell] = []
    sizes: dict[Cell, int] = {}
    people = [int((halves == half).sum()) for half in (False, True)]
    for attributes, groups, levels in _groupings(codes):
        counts = [
            np.bincount(groups[(groups >= 0) & (halves == half)], minlength=int(np.prod(levels)))
            for half in (False, True)
        ]
        smallest = np.minimum(counts[0], counts[1])
        outside = np.minimum(people[0] - counts[0], people[1] - counts[1])
        for group in np.flatnonzero((smallest >= least_people) & (outside >= least_people)):
            cell = Cell(attributes, tuple(int(value) for value in np.unravel_index(group, levels)))
            size = int(counts[0][group] + counts[1][group])
            if all(sizes.get(part) != size for part in _parts(cell)):
                found.append(cell)
            sizes[cell] = size
    return found


def moments_of(
    cells: Sequence[Cell], codes: np.ndarray, outcome: np.ndarray, among: np.ndarray
) -> tuple[Moments, Moments]:
    """Moments of ``outcome`` in each cell and of everyone, over the people ``among`` whose outcome is known."""
    mine = among & ~np.isnan(outcome)
    codes, outcome = codes[mine], outcome[mine]
    by_attributes: dict[tuple[int, ...], tuple[np.ndarray, ...]] = {}
    levels_of: dict[tuple[int, ...], tuple[int, ...]] = {}
    wanted = {cell.attributes for cell in cells}
    for attributes, groups, levels in _groupings(codes, only=wanted):
        inside = groups >= 0
        kept, values, size = groups[inside], outcome[inside], int(np.prod(levels))
        by_attributes[attributes] = tuple(
            np.bincount(kept, weights=weights, minlength=size) for weights in (np.ones(len(values)), values, values**2)
        )
        levels_of[attributes] = levels
    rows = np.zeros((3, len(cells)))
    for number, cell in enumerate(cells):
        levels = levels_of[cell.attributes]
        if all(value < level for value, level in zip(cell.values, levels, strict=True)):
            group = int(np.ravel_multi_index(cell.values, levels))
            rows[:, number] = [sums[group] for sums in by_attributes[cell.attributes]]
    everyone = np.array([len(outcome), outcome.sum(), (outcome**2).sum()], dtype=float)[:, None].repeat(len(cells), 1)
    return Moments(*rows), Moments(*everyone)


def _groupings(
    codes: np.ndarray, *, only: Collection[tuple[int, ...]] | None = None
) -> Iterator[tuple[tuple[int, ...], np.ndarray, tuple[int, ...]]]:
    """Attributes, group of each row (-1: outside) and number of values by attribute, for every combination or some."""
    levels = tuple(int(column.max(initial=-1)) + 1 for column in codes.T)
    for number in range(1, MOST_ATTRIBUTES + 1):
        for attributes in combinations(range(codes.shape[1]), number):
            if only is not None and attributes not in only:
                continue
            sizes = tuple(max(levels[attribute], 1) for attribute in attributes)
            groups = np.zeros(len(codes), dtype=np.int64)
            inside = np.ones(len(codes), dtype=bool)
            for attribute, size in zip(attributes, sizes, strict=True):
                groups = groups * size + codes[:, attribute]
                inside &= codes[:, attribute] >= 0
            yield attributes, np.where(inside, groups, -1), sizes


def _parts(cell: Cell) -> Iterator[Cell]:
    for number in range(1, len(cell.attributes)):
        for rows in combinations(range(len(cell.attributes)), number):
            yield Cell(tuple(cell.attributes[row] for row in rows), tuple(cell.values[row] for row in rows))
