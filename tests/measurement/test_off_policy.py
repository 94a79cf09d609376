import numpy as np
import pytest

from perso_pipeline.measurement.inference.moments import NotEstimable
from perso_pipeline.measurement.off_policy import (
    DOUBLY_ROBUST,
    ESTIMATORS,
    IPS,
    SNIPS,
    Decisions,
    Policy,
    PolicyValue,
    contrast,
    cross_fitted_rates,
    effective_sample_size,
    evaluate,
)

SLOTS, KEPT, POOL = 4, 12, 6  # items 0 to 11 stand in lists, 12 to 17 are what may be drawn instead
EXPLORED = 0.3
QUALITY = np.r_[np.linspace(0.05, 0.3, KEPT), 0.02, 0.05, 0.1, 0.2, 0.3, 0.5]
BY_SLOT = 1 / np.arange(1, SLOTS + 1)


def simulate(seed: int, visitors: int = 800) -> tuple[Decisions, Policy, Policy, float, float]:
    """Lists of four slots, each explored with a known chance; visitors click more or less, twice each.

    The new policy puts item 16 where items below 6 stood. Returns decisions, new and present policy, and the truth of
    both: mean quality of what they show x slot; visitors' own factors have the mean 1.
    """
    rng = np.random.default_rng(seed)
    visitor = np.repeat(np.arange(visitors), 2 * SLOTS)
    slot = np.tile(np.arange(SLOTS), 2 * visitors)
    keenness = rng.uniform(0.3, 1.7, visitors)[visitor]
    kept = rng.integers(KEPT, size=len(slot))
    is_explored = rng.random(len(slot)) < EXPLORED
    drawn = np.where(is_explored, KEPT + rng.integers(POOL, size=len(slot)), kept)
    chance = np.where(is_explored, EXPLORED / POOL, 1 - EXPLORED)
    reward = (rng.random(len(slot)) < QUALITY[drawn] * BY_SLOT[slot] * keenness).astype(float)
    decisions = Decisions(reward=reward, unit=visitor)
    policies = []
    for target in (np.where(kept < 6, 16, kept), kept):
        fitted = cross_fitted_rates(
            cell=slot * 100 + drawn, group=slot, wanted=slot * 100 + target, reward=reward, unit=visitor
        )
        policies.append(
            Policy(
                weight=(drawn == target) / chance,
                is_supported=np.ones(len(slot), dtype=bool),
                expected_of_drawn=fitted[0],
                expected=fitted[1],
            )
        )
    slots = BY_SLOT.mean()
    return decisions, *policies, slots * (QUALITY[6:12].sum() + 6 * QUALITY[16]) / 12, slots * QUALITY[:12].mean()


@pytest.fixture(scope="module")
def runs():
    """Of 1,000 seeds: estimates of the new policy and of its difference from the present one, and what is true."""
    made = []
    for seed in range(1_000):
        decisions, new, present, truth_new, truth_present = simulate(seed)
        made.append((evaluate(decisions, new), contrast(decisions, new, present), truth_new, truth_present))
    return made


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_interval_holds_the_truth_as_often_as_it_says(runs, estimator: str) -> None:
    for estimates in ([(new[estimator], a) for new, _, a, _ in runs], [(d[estimator], a - b) for _, d, a, b in runs]):
        assert sum(e.low <= truth <= e.high for e, truth in estimates) >= 0.93 * len(runs)
        # and right in the mean, within three of its standard errors
        errors = np.array([e.value - truth for e, truth in estimates])
        assert abs(errors.mean()) < 3 * errors.std() / np.sqrt(len(runs))


def test_the_doubly_robust_interval_is_the_shortest_here(runs) -> None:
    width = dict.fromkeys(ESTIMATORS, 0.0)
    for new, *_ in runs:
        for name, e in new.items():
            width[name] += e.high - e.low
    assert width[DOUBLY_ROBUST] < width[IPS]


def test_by_hand() -> None:
    # 60 visitors see one slot: item a with chance 0.8 (48 times, 12 clicks) or b with 0.2 (12 times, 6 clicks)
    is_b = np.arange(60) >= 48
    reward = np.r_[np.ones(12), np.zeros(36), np.ones(6), np.zeros(6)]
    decisions = Decisions(reward=np.tile(reward, 10), unit=np.arange(600))
    flat = np.full(600, 0.25)
    always_b = Policy(
        weight=np.tile(is_b / 0.2, 10), is_supported=np.ones(600, dtype=bool), expected=flat, expected_of_drawn=flat
    )
    found = evaluate(decisions, always_b)
    # 6 x 10 clicks of weight 5 over 600 decisions; the weights add up to 600
    assert found[IPS].value == pytest.approx(0.5)
    assert found[SNIPS].value == pytest.approx(0.5)
    # 0.25 + mean of 5 x (click - 0.25) over the twelfth part: 0.25 + (6 x 5 x 0.75 - 6 x 5 x 0.25) / 60
    assert found[DOUBLY_ROBUST].value == pytest.approx(0.5)
    assert found[IPS].effective_sample_size == pytest.approx(120)  # (600)^2 / (120 x 25)
    assert effective_sample_size(np.zeros(3)) == 0


def _policy(weight, supported=None) -> Policy:
    zeros = np.zeros(len(weight))
    at = np.ones(len(weight), dtype=bool) if supported is None else supported
    return Policy(weight=np.asarray(weight, float), is_supported=at, expected=zeros, expected_of_drawn=zeros)


@pytest.mark.parametrize(
    ("decisions", "policy", "reason"),
    [
        (Decisions(reward=np.zeros(0), unit=np.zeros(0, int)), _policy(np.zeros(0)), "No decision was logged"),
        (
            Decisions(reward=np.ones(100), unit=np.arange(100)),
            _policy(np.ones(100), np.arange(100) >= 10),
            "10.0% of the slots hold an item that had no chance to stand there, at most 5%",
        ),
        (Decisions(reward=np.ones(100), unit=np.arange(100) % 9), _policy(np.ones(100)), "Only 9 visitors"),
        (
            Decisions(reward=(np.arange(100) < 12) * 1.0, unit=np.arange(100)),
            _policy(np.ones(100)),
            "Only 12 slots that it would fill the same were rewarded",
        ),
        (
            Decisions(reward=np.ones(1_000), unit=np.arange(1_000)),
            _policy(np.where(np.arange(1_000) % 2, 1.2, 1.4)),
            "weights have the mean 1.300, which should be 1",
        ),
    ],
    ids=["nothing logged", "no support", "few visitors", "few rewards", "false chances"],
)
def test_what_cannot_be_estimated_is_said_and_not_invented(decisions, policy, reason: str) -> None:
    for outcome in (*evaluate(decisions, policy).values(), *contrast(decisions, policy, policy).values()):
        assert isinstance(outcome, NotEstimable)
        assert reason in outcome.reason


def test_the_same_policy_differs_by_nothing() -> None:
    decisions, policy, *_ = simulate(0)
    for outcome in contrast(decisions, policy, policy).values():
        assert isinstance(outcome, PolicyValue)
        assert (outcome.value, outcome.low, outcome.high) == (0, 0, 0)


def test_rates_of_a_cell_are_learnt_from_other_units_only() -> None:
    # one unit clicks always, the other never: each is told what the other does, drawn towards the group by the prior
    cell, reward = np.zeros(4, dtype=int), np.array([1.0, 1.0, 0.0, 0.0])
    of_drawn, of_wanted = cross_fitted_rates(
        cell=cell, group=cell, wanted=np.array([0, -1, 0, -1]), reward=reward, unit=np.array([0, 0, 1, 1]), folds=2
    )
    assert of_drawn.tolist() == [0, 0, 1, 1]
    assert of_wanted.tolist() == [0, 0, 1, 1]
