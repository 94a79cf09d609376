"""``config/triggers.yml``: reasons to write to a person; ``config/navigation.yml``: the order of the menu.

Add a kind of trigger here and its SQL in ``triggers``.
"""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from perso_pipeline.contracts.config_files import ConfigPart, error_at, first_twice, read_config
from perso_pipeline.contracts.errors import nearest
from perso_pipeline.recommendations.levels import Subject
from perso_pipeline.recommendations.scenarios import read_scenarios


class _Trigger(ConfigPart):
    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$", description="Key that a message carries.")
    name: str = Field(min_length=1, description="Name shown to people.")
    max_items: int = Field(default=5, ge=1, le=50, description="Items in the message at most.")


class AbandonedCart(_Trigger):
    """A known customer left a cart without ordering."""

    kind: Literal["abandoned_cart"]
    idle_hours: int = Field(default=1, ge=0, description="Untouched at least this long at the end of the night, hours.")
    max_idle_days: int = Field(default=3, ge=1, le=30, description="And no longer than this, days.")


class WinBack(_Trigger):
    """A customer's lifecycle says that they are being lost."""

    kind: Literal["win_back"]
    lifecycle: tuple[Literal["at_risk", "lapsed"], ...] = Field(default=("lapsed",), min_length=1)
    scenario: str = Field(default="home", description="Scenario whose list for the person goes into the message.")


class FrequencyCap(ConfigPart):
    """How often a person may be written to."""

    days: int = Field(default=7, ge=1, description="At most one due trigger per person in this many nights.")


class Triggers(ConfigPart):
    """The whole of ``config/triggers.yml``."""

    frequency_cap: FrequencyCap = FrequencyCap()
    triggers: tuple[Annotated[AbandonedCart | WinBack, Field(discriminator="kind")], ...] = ()

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        if (twice := first_twice([trigger.id for trigger in self.triggers])) is not None:
            msg = f"trigger '{twice}' stands twice"
            raise ValueError(msg)
        return self


def read_triggers(config_dir: Path) -> Triggers:
    """Read ``triggers.yml`` and hold its scenarios against ``scenarios.yml``.

    Raises:
        ConfigError: either file does not fit, or a trigger names a scenario that has no lists for people.
    """
    triggers = read_config(config_dir / "triggers.yml", Triggers)
    scenarios = read_scenarios(config_dir).scenarios
    known = [scenario.id for scenario in scenarios if scenario.subject is Subject.PERSON]
    for number, trigger in enumerate(triggers.triggers):
        if isinstance(trigger, WinBack) and trigger.scenario not in known:
            words = (
                f"trigger '{trigger.id}' takes its items from scenario '{trigger.scenario}', which is not a scenario "
                f"for people{nearest(trigger.scenario, known)}; there are: {', '.join(known) or 'none'}"
            )
            raise error_at(config_dir / "triggers.yml", ("triggers", number, "scenario"), words)
    return triggers


class Landing(ConfigPart):
    """When a visit may begin in a category instead of on the home page."""

    min_share: float = Field(default=0.6, gt=0, le=1, description="Share of a person's liking that it must have.")
    min_weight: float = Field(default=5, gt=0, description="Weight of all likings, in weights of profiles.yml.")


class Navigation(ConfigPart):
    """The whole of ``config/navigation.yml``."""

    size: int = Field(default=8, ge=1, le=50, description="Places of the menu that are stored.")
    prior_weight: float = Field(default=3, ge=0, description="Weight of everybody's order in a person's.")
    landing: Landing = Landing()
