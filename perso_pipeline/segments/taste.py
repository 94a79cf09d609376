"""What draws a person, as a rule may ask it: a value of ``profiles.affinities`` and the share it has at least.

Add a bound here and where it is compared in ``compiler.py``. Keep SQL out.
"""

from typing import Self

from pydantic import Field, StrictFloat, StrictInt, model_validator

from perso_pipeline.contracts.config_files import ConfigPart
from perso_pipeline.segments.behaviour import Words, check_word

KINDS = ("category", "brand", "price_band", "hour", "weekday", "search_term")
"""Words for ``kind``. A category holds its sub-categories: the table keeps three upper levels of a path."""

Share = StrictInt | StrictFloat


class HasAffinity(ConfigPart):
    """A value that draws the person; of several values one is enough."""

    kind: str = Field(description="What the value is.", json_schema_extra={"enum": list(KINDS)})
    value: Words = Field(
        description="A value or several, of which one is enough; home/kitchen holds home/kitchen/mugs."
    )
    at_least_share: Share | None = Field(
        default=None,
        gt=0,
        le=1,
        description="This part or more of the person's weight of the kind; any part where nothing is said.",
    )

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        check_word("kind", self.kind, KINDS)
        return self
