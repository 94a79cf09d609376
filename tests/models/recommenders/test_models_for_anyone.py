"""Recently added, conversion, editorial: the same list for everyone; and lists without what is blocked."""

import dataclasses

import numpy as np
import pytest

from perso_pipeline.models.candidates import CandidateRows, as_table
from perso_pipeline.models.protocol import Catalogue, Journal
from perso_pipeline.models.recommenders.config import ConversionConfig, EditorialConfig, RecentlyAddedConfig
from perso_pipeline.models.recommenders.content import Content
from perso_pipeline.models.recommenders.conversion import Conversion
from perso_pipeline.models.recommenders.editorial import Editorial
from perso_pipeline.models.recommenders.recently_added import RecentlyAdded
from perso_pipeline.models.roster import build
from perso_pipeline.models.signals import to_day


def everyone(model, k=10):
    result = model.recommend(np.array([0]), k)
    return dict(zip(result.item.tolist(), result.score.tolist(), strict=True))


def test_the_newest_items_come_first_and_old_or_unknown_ones_not_at_all(make_matrix):
    data = make_matrix([[1, 1, 1, 1, 1], [0, 0, 1, 0, 0]])
    today = to_day(data.as_of)
    added = np.array([today - 5, today - 1, today - 1, today - 31, -1])
    data = dataclasses.replace(data, catalogue=dataclasses.replace(data.catalogue, added_day=added))
    assert list(everyone(RecentlyAdded(RecentlyAddedConfig(max_age_days=30)).fit(data))) == [2, 1, 0]


def test_conversion_draws_few_views_to_the_rate_of_the_category(make_matrix):
    # Item 0: 1 visit, bought. Item 1: 8 visits, 4 bought. Same category, 9 visits, 5 purchases.
    data = make_matrix(np.ones((9, 2)))
    today = to_day(data.as_of) - 1
    events = [(0, 0, 0), (0, 0, 2)] + [(p, 1, 0) for p in range(8)] + [(p, 1, 2) for p in range(4)]
    person, item, kind = (np.array(column) for column in zip(*sorted(events), strict=True))
    journal = Journal(
        person, item, np.full(len(person), today), np.full(len(person), today * 86400), kind.astype(np.int8)
    )
    catalogue = dataclasses.replace(data.catalogue, category=np.array(["a", "a"]))
    data = dataclasses.replace(data, journal=journal, catalogue=catalogue)
    model = Conversion(ConversionConfig(goal="purchase", prior_visits=3, window_days=7)).fit(data)
    rate = (5 + 3 * 5 / 9) / (9 + 3)
    assert everyone(model) == {0: pytest.approx((1 + 3 * rate) / 4), 1: pytest.approx((4 + 3 * rate) / 11)}


def test_items_that_nobody_viewed_have_no_conversion_rate(make_matrix):
    data = make_matrix([[1, 1]])
    journal = Journal(*(np.zeros(0, dtype=np.int64) for _ in range(4)), np.zeros(0, dtype=np.int8))
    data = dataclasses.replace(data, journal=journal)
    assert everyone(Conversion(ConversionConfig(goal="purchase", prior_visits=3, window_days=7)).fit(data)) == {}


def test_an_editorial_list_keeps_its_order_and_passes_over_what_the_site_does_not_have(make_matrix):
    model = Editorial(EditorialConfig(items=["i002", "gone", "i000"])).fit(make_matrix([[1, 1, 1]]))
    assert everyone(model) == {2: 3.0, 0: 1.0}


def test_content_puts_items_of_like_words_together_and_needs_nobody(make_matrix, config):
    data = make_matrix([[1, 0, 0, 0]])
    data = dataclasses.replace(
        data,
        catalogue=Catalogue(
            text=np.array(["red wool scarf", "blue wool scarf", "garden hose", ""]),
            traits=np.array(["brand=Ada", "brand=Ada", "brand=Bo", ""]),
            category=np.array(["", "", "", ""]),
            added_day=np.full(4, 1),
            brand=np.array(["Ada", "Ada", "Bo", ""]),
            price=np.full(4, np.nan),
        ),
    )
    alike = Content(config.content).fit(data).similar(np.arange(4), 3)
    assert list(zip(alike.subject.tolist(), alike.item.tolist(), strict=True)) == [(0, 1), (1, 0)]


@pytest.mark.parametrize("name", ["popular", "item_knn", "als"])
def test_what_is_blocked_is_in_no_list(name, make_matrix, config):
    data = make_matrix(np.random.default_rng(1).integers(0, 2, size=(30, 8)))
    model = build(config, threads=1, names=[name])[name].fit(data)
    rows = CandidateRows(data.as_of, "s", data, config.candidates, blocked=["i002", "i005", "elsewhere"])
    made = as_table([*rows.for_people(model, "v"), *rows.for_items(model, "v"), *rows.for_anyone(model, "v")])
    listed = set(made.column("item_id").to_pylist())
    assert listed == {f"i{n:03d}" for n in range(8)} - {"i002", "i005"}
