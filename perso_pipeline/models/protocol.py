"""What every model takes and gives: the matrix, the ranked lists, the reasons.

Add a type here only when all models speak it. Keep training data (``signals``), list building
(``ranking``) and single models out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import ClassVar, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from perso_pipeline.contracts.errors import PersoError

Indices = NDArray[np.int64]
Arrays = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class Journal:
    """Single views, cart adds and purchases before the matrix's day, for models of order and of purchase.

    Sorted by person, then second, then item; aligned arrays.

    Attributes:
        person: row of the matrix.
        item: column of the matrix.
        day: days since 1970-01-01 in the site's zone.
        second: seconds since 1970-01-01 UTC. Purchases of one order share it.
        kind: position in ``KINDS``.
    """

    person: Indices
    item: Indices
    day: Indices
    second: Indices
    kind: NDArray[np.int8]


KINDS = ("product_view", "add_to_cart", "purchase")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What the catalogue says of each column of the matrix; aligned arrays.

    Attributes:
        text: name and description, empty where unknown.
        traits: brand, category levels and attributes as ``name=value``, parted by newlines; empty where unknown.
        category: the first category path, empty where unknown.
        brand: empty where unknown.
        price: in the site's currency; NaN where unknown.
        added_day: days since 1970-01-01 of the item's first delivery; -1 where the catalogue does not have it.
    """

    text: NDArray[np.str_]
    traits: NDArray[np.str_]
    category: NDArray[np.str_]
    added_day: Indices
    brand: NDArray[np.str_]
    price: NDArray[np.float64]


class Past(Protocol):
    """What lies behind a matrix, to be seen again as it stood on an earlier day; for models that learn from cuts."""

    @property
    def first(self) -> date:
        """The first day of which anything is known."""
        ...

    def matrix(self, cut: date) -> "InteractionMatrix":
        """The matrix, journal and catalogue of what came strictly before ``cut``, with people and items of its own."""
        ...

    def wanted(self, start: date, end: date) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
        """Ids of person and item of each relevant signal of the days from ``start``, before ``end``; distinct."""
        ...


@dataclass(frozen=True, slots=True)
class InteractionMatrix:
    """Positive interest of people in items, as of the start of a day.

    Attributes:
        weights: people x items, CSR with sorted indices, every stored value > 0, float64.
        people: id of each row, unicode, ascending.
        items: id of each column, unicode, ascending.
        last_age_days: aligned with ``weights.data``; days from the pair's newest event to ``as_of``, >= 1.
        daily_people: items x ages, CSR; column ``a`` counts the people with a positive event ``a`` days before.
        as_of: first day that is not in the matrix.
        fingerprint: SHA-256 over the content.
        journal: None where no model of the race reads single events.
        catalogue: None where no model of the race reads the catalogue.
        past: None where nothing earlier can be seen again.
    """

    weights: sparse.csr_matrix
    people: NDArray[np.str_]
    items: NDArray[np.str_]
    last_age_days: NDArray[np.int32]
    daily_people: sparse.csr_matrix
    as_of: date
    fingerprint: str
    journal: Journal | None = None
    catalogue: Catalogue | None = None
    past: Past | None = None

    @property
    def seen(self) -> sparse.csr_matrix:
        """The same pairs, every value 1."""
        ones = np.ones_like(self.weights.data)
        return sparse.csr_matrix((ones, self.weights.indices, self.weights.indptr), shape=self.weights.shape)


class TooLargeError(PersoError):
    """A model does not fit into the memory it may take; the race goes on without it."""


class ShortReason(StrEnum):
    """Why a list is shorter than asked."""

    NO_HISTORY = "the subject has no history in the training window"
    TOO_FEW_ITEMS = "fewer items than asked are left after exclusions"
    TOO_FEW_RELATED = "fewer items than asked are related to the subject"


@dataclass(frozen=True, slots=True)
class Ranked:
    """Lists of items, flat; never padded, no item twice in a list.

    Sorted by subject, then rank. Scores never rise within a list; equal scores stand in item order.

    Attributes:
        subject: position in the array that was asked for.
        item: column of the matrix.
        score: finite; comparable within one list only.
        rank: from 1, without gaps.
        subjects: how many subjects were asked for.
        asked: list length that was asked for.
        short: per reason the subjects (positions) whose list is shorter than asked.
    """

    subject: Indices
    item: Indices
    score: NDArray[np.float64]
    rank: NDArray[np.int32]
    subjects: int
    asked: int
    short: Mapping[ShortReason, Indices]


@dataclass(frozen=True, slots=True)
class Origin:
    """An item of the person's history and its part in a score.

    Attributes:
        item: column of the matrix.
        share: of the positive contributions; the shares of all origins add up to 1.
        part: the contribution itself, in units of the score.
    """

    item: int
    share: float
    part: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """The items behind a score, largest share first.

    Attributes:
        score: what the model gives the item.
        origins: the items that speak for it; their parts plus ``against`` add up to ``score``.
        against: sum of the contributions of items that speak against it, <= 0.
        by: the model whose score this is, where a model lets the one that brought the item speak for it.
    """

    score: float
    origins: tuple[Origin, ...]
    against: float = 0.0
    by: str | None = None


@dataclass(frozen=True, slots=True)
class NotExplainable:
    """A model that cannot name origins says why."""

    because: str


@dataclass(frozen=True, slots=True)
class Insight:
    """What a model that learns from features goes by, for pictures.

    Attributes:
        names: the features.
        gain: of each feature, how much its splits improved the loss, summed over all trees.
        values: pairs x features, of a sample of pairs; NaN where unknown.
        contributions: pairs x features; what each value adds to the pair's score (TreeSHAP).
    """

    names: tuple[str, ...]
    gain: NDArray[np.float64]
    values: NDArray[np.float32]
    contributions: NDArray[np.float64]


@runtime_checkable
class LearnsFromFeatures(Protocol):
    """A model that can show what it goes by."""

    def insight(self) -> Insight | None:
        """Of a seeded sample of pairs; None where nothing was learnt."""
        ...


def explained(items: Indices, parts: NDArray[np.floating]) -> Explanation | NotExplainable:
    """The explanation of a score that is the sum of ``parts``, one for each of the distinct ``items``."""
    positive = float(parts[parts > 0].sum())
    if positive <= 0:
        return NotExplainable("nothing in the person's history speaks for the item")
    order = [place for place in np.lexsort((items, -parts)) if parts[place] > 0]
    origins = tuple(Origin(int(items[p]), float(parts[p] / positive), float(parts[p])) for p in order)
    return Explanation(float(parts.sum()), origins, float(parts[parts < 0].sum()))


class Recommender(Protocol):
    """A model in the race.

    Only ``fit`` and ``restore`` change it: answers are asked for from several threads at once.
    """

    name: ClassVar[str]

    def fit(self, data: InteractionMatrix) -> Self:
        """Learn from ``data`` and keep it: its rows are the people that can be asked for."""
        ...

    def recommend(self, people: Indices, k: int, exclude: sparse.csr_matrix | None = None) -> Ranked:
        """At most ``k`` items for each row in ``people``.

        Args:
            people: rows of the training matrix.
            k: length asked for, >= 1.
            exclude: len(people) x items; a stored value forbids that item for that subject.
        """
        ...

    def similar(self, items: Indices, k: int) -> Ranked:
        """At most ``k`` other items for each column in ``items``; never the item itself."""
        ...

    def explain(self, person: int, item: int) -> Explanation | NotExplainable:
        """The items of the person's history that made the score."""
        ...

    def arrays(self) -> Arrays:
        """What was learnt, as plain arrays (no objects), enough for ``restore``."""
        ...

    def restore(self, arrays: Arrays, data: InteractionMatrix) -> Self:
        """The counterpart of ``arrays``: ready to answer for ``data`` without fitting."""
        ...
