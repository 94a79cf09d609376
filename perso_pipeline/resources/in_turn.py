"""Some things done at a time, their results handed out in the order of the things.

For steps of which much is one thread's work; what runs side by side must not change what another reads.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Thing = TypeVar("Thing")
Result = TypeVar("Result")


def in_turn(do: Callable[[Thing], Result], things: Iterable[Thing], *, at_once: int = 2) -> Iterator[Result]:
    """``do`` of each thing, at most ``at_once`` at the same time and as many done that nobody has taken yet."""
    in_hand: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(at_once) as threads:
        for thing in things:
            in_hand.append(threads.submit(do, thing))
            if len(in_hand) > at_once:
                yield in_hand.popleft().result()
        while in_hand:
            yield in_hand.popleft().result()
