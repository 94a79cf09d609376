"""What a model says where the data do not carry a number. Keep numbers out."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NotEstimable:
    """A result: there is no estimate, and why.

    Attributes:
        because: A clause that reads on after "not estimable, because".
    """

    because: str
