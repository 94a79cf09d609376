"""Results come in the order of the things, few are worked on at a time, and a failure is the caller's."""

import threading
import time
from collections.abc import Iterator

import pytest

from perso_pipeline.resources.in_turn import in_turn


def test_results_stand_in_the_order_of_the_things_though_later_ones_end_first() -> None:
    def slow_at_first(thing: int) -> int:
        time.sleep(0.05 if thing == 0 else 0)
        return thing * 10

    assert list(in_turn(slow_at_first, range(5))) == [0, 10, 20, 30, 40]
    assert list(in_turn(slow_at_first, [])) == []


def test_as_many_run_at_once_as_are_asked_for_and_no_more() -> None:
    both, running, most = threading.Barrier(2), [0], [0]
    counting = threading.Lock()

    def together(thing: int) -> int:
        with counting:
            running[0] += 1
            most[0] = max(most[0], running[0])
        both.wait(timeout=5)  # ends only where another one is running
        with counting:
            running[0] -= 1
        return thing

    assert list(in_turn(together, range(6), at_once=2)) == list(range(6))
    assert most == [2]


def test_things_are_asked_for_as_results_are_taken() -> None:
    asked: list[int] = []

    def things() -> Iterator[int]:
        for thing in range(100):
            asked.append(thing)
            yield thing

    results = in_turn(str, things())
    assert next(results) == "0"
    assert len(asked) == 3


def test_a_failure_comes_out_in_its_place() -> None:
    def fails_at_one(thing: int) -> int:
        if thing == 1:
            msg = "no"
            raise ValueError(msg)
        return thing

    results = in_turn(fails_at_one, range(4))
    assert next(results) == 0
    with pytest.raises(ValueError, match="no"):
        next(results)
