"""The page that compares the models of a night: what it says, and that nothing in it can break out."""

from datetime import date
from html.parser import HTMLParser

import numpy as np
import pytest

from perso_pipeline.models import comparison
from perso_pipeline.models.champion import Decision
from perso_pipeline.models.evaluation import Evaluation, Measurement, evaluate
from perso_pipeline.models.groups import Groups, Labels
from perso_pipeline.models.page_parts import Interval, intervals, shade
from perso_pipeline.models.signals import read_signals
from perso_pipeline.models.slices import SliceMeasurement
from perso_pipeline.models.split import NotEvaluated
from perso_pipeline.models.verdict import against, number, slice_words, spread, verdicts

NIGHT = date(2026, 1, 31)
HOSTILE = "<script>alert('x')</script>"


class Tags(HTMLParser):
    """Every start tag must be closed in order; void ones excepted."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        if tag not in {"meta", "line", "circle"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def well_formed(page: bytes) -> Tags:
    tags = Tags()
    tags.feed(page.decode())
    assert tags.open == []
    return tags


@pytest.fixture
def racing(config):
    settings = {
        "test_days": [21],
        "min_people": 40,
        "enough_people": 40,
        "bootstrap_samples": 100,
        "min_slice_people": 5,
    }
    return config.model_copy(update={"evaluation": config.evaluation.model_copy(update=settings)})


@pytest.fixture
def outcome(two_tastes, racing):
    people = np.array([f"c{n:02d}" for n in range(60)])
    groups = Groups(segments=Labels(people, np.array([HOSTILE] * len(people))))
    made = evaluate(
        read_signals(two_tastes.write(), "shop-uk", NIGHT, racing.signals), racing, threads=1, groups=groups
    )
    assert isinstance(made, Evaluation)
    return made


def test_every_model_metric_and_slice_stands_on_the_page_and_names_cannot_break_out(outcome, racing):
    said = [
        v
        for task in ("personal", "similar")
        for v in verdicts(task, outcome.measurements, outcome.slices, racing.evaluation)
    ]
    decision = Decision("personal", "als", "item_knn", f"because of {HOSTILE}")
    page = comparison.page(f"shop {HOSTILE}", "v1", racing, outcome, [decision], said)
    tags = well_formed(page)
    assert "script" not in tags.seen
    text = page.decode()
    assert "&lt;script&gt;" in text
    for m in outcome.measurements:
        if m.k == 10 and "_minus_" not in m.metric:
            assert number(m.value) in text, m
    assert all(number(s.value) in text for s in outcome.slices if s.metric.endswith("_minus_popular"))
    assert str(outcome.split.cut) in text
    assert all(f"{seconds:.2f} s" in text for seconds in outcome.fit_seconds.values())


def test_a_night_without_evaluation_says_why(racing):
    decision = Decision("personal", "popular", None, "popular: not evaluated, too few people.")
    page = comparison.page("shop", "v1", racing, NotEvaluated("too few people"), [decision], [])
    well_formed(page)
    assert "Nothing was evaluated: too few people." in page.decode()


def test_numbers_have_no_leading_zero_and_nothing_is_minus_nothing():
    assert [number(v) for v in (0.02134, -0.5, 0.0, -0.00001, 1.0, -3.25)] == [
        ".0213",
        "-.5000",
        "0",
        "0",
        "1.0000",
        "-3.2500",
    ]


def gap(low, value, high):
    return Measurement("personal", "als", "ndcg_minus_popular", 10, value, low, high, 4120)


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        (gap(0.012, 0.021, 0.03), "als beats popular by .0210 [.0120, .0300] on ndcg@10 over 4,120 people"),
        (gap(-0.03, -0.021, -0.012), "als loses to popular by .0210 [.0120, .0300] on ndcg@10 over 4,120 people"),
        (gap(-0.01, 0.02, 0.05), "als cannot be told from popular: .0200 [-.0100, .0500] on ndcg@10 over 4,120 people"),
        (gap(0.0, 0.02, 0.05), "als cannot be told from popular: .0200 [0, .0500] on ndcg@10 over 4,120 people"),
    ],
    ids=["above", "below", "across", "touching"],
)
def test_a_difference_in_words_follows_its_interval(measured, words):
    assert against("als", "popular", measured) == words


def test_a_turned_difference_is_the_rivals_lead():
    assert spread(gap(-0.03, -0.021, -0.012), turned=True) == ".0210 [.0120, .0300]"


def test_the_worst_slice_is_named_and_the_others_counted(racing):
    slices = [
        SliceMeasurement(
            "personal", "segment", name, "als", "ndcg_minus_popular", 10, -size, -size - 0.01, -size + 0.01, 60
        )
        for name, size in (("a", 0.05), ("b", 0.09))
    ]
    assert slice_words(slices, slices[::-1], "popular", racing.evaluation) == (
        "it harms segment b, where it loses to popular by .0900 [.0800, .1000] over 60 people, and 1 more of 2 slices"
    )
    assert slice_words([], [], "popular", racing.evaluation) == "no slice has the 5 people to be judged by"


def test_an_interval_is_green_above_0_red_below_and_grey_across():
    drawn = [Interval("a", 0.2, 0.1, 0.3), Interval("b", -0.2, -0.3, -0.1), Interval("c", 0.0, -0.1, 0.1)]
    assert len({one.colour for one in drawn}) == 3
    picture = intervals(drawn, "title <b>")
    assert "title &lt;b&gt;" in picture
    assert picture.index(">a<") < picture.index(">b<") < picture.index(">c<")
    assert intervals([], "nothing").startswith("<div")


def test_a_shade_grows_with_the_difference_and_is_none_at_0():
    assert shade(0.0, 0.1).endswith(",0.00)")
    assert shade(0.2, 0.1) == shade(0.1, 0.1) != shade(0.05, 0.1)
    assert shade(0.05, 0.1) != shade(-0.05, 0.1)
    assert shade(0.05, 0.0).endswith(",0.00)")
