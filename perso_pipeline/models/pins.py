"""``config/pinned_models.yml``: which model serves whatever the race says, from which night until which.

A rollback is a dated line of config and no state of the registry: a night before it, run again, has the champion that
it had, and every later night finds the pin again (decision 17). Moving aliases is the command's business.
"""

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Self

import yaml
from pydantic import Field, model_validator

from perso_pipeline.contracts.config_files import ConfigPart, read_config
from perso_pipeline.contracts.errors import ConfigError
from perso_pipeline.models.champion import Decision
from perso_pipeline.models.config import SiteModels
from perso_pipeline.models.names import ModelName, Task

FILE = "pinned_models.yml"
_HEAD = """\
# yaml-language-server: $schema=../docs/reference/pinned_models.schema.json
# Models that serve whatever the race says, from a night on and until another. Written by `perso models rollback` and
# `perso models release`, which rewrite the file whole; an entry may as well be written by hand.
"""


class Pin(ConfigPart):
    """One model that was put back."""

    site: str
    task: Task
    model: ModelName
    version: str = Field(description="The version rolled back to, <night>.<hash>, as in models.champions.")
    from_night: date = Field(description="First night that the pin holds for.")
    until_night: date | None = Field(default=None, description="First night that the race decides again.")
    why: str = Field(default="", description="Kept in the reason of models.champions.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.until_night is not None and self.until_night < self.from_night:
            msg = f"until_night ({self.until_night}) must not be before from_night ({self.from_night})"
            raise ValueError(msg)
        return self

    def holds(self, night: date) -> bool:
        return self.from_night <= night and (self.until_night is None or night < self.until_night)


class PinnedModels(ConfigPart):
    """The whole file."""

    pinned: list[Pin] = Field(default_factory=list, description="At most one per site, task and night.")

    @model_validator(mode="after")
    def _one_at_a_time(self) -> Self:
        for place, pin in enumerate(self.pinned):
            for other in self.pinned[:place]:
                same = (pin.site, pin.task) == (other.site, other.task)
                if same and any(a.holds(b.from_night) for a, b in ((pin, other), (other, pin))):
                    msg = f"{pin.site}, {pin.task}: {other.model} and {pin.model} are pinned for the same night"
                    raise ValueError(msg)
        return self

    def of(self, site_id: str, night: date) -> dict[Task, Pin]:
        return {pin.task: pin for pin in self.pinned if pin.site == site_id and pin.holds(night)}


def read_pins(config_dir: Path) -> PinnedModels:
    """The pins of an installation; without the file there are none."""
    path = config_dir / FILE
    return read_config(path, PinnedModels) if path.is_file() else PinnedModels()


def with_pin(pins: PinnedModels, pin: Pin) -> PinnedModels:
    """``pins`` with one more, in place of what held for its site and task from its first night on."""
    return PinnedModels(pinned=[*_ended(pins, pin.site, pin.task, pin.from_night), pin])


def without_pin(pins: PinnedModels, site_id: str, task: Task, from_night: date) -> PinnedModels:
    """``pins`` with the race deciding again from ``from_night`` on."""
    return PinnedModels(pinned=_ended(pins, site_id, task, from_night))


def write_pins(config_dir: Path, pins: PinnedModels) -> Path:
    """Replace the file in one step."""
    path = config_dir / FILE
    body = {"pinned": [pin.model_dump(exclude_defaults=True) for pin in pins.pinned]}
    draft = path.with_name(f".{FILE}.new")
    draft.write_text(_HEAD + yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=110), encoding="utf-8")
    draft.replace(path)
    return path


def applied(decision: Decision, pin: Pin | None, config: SiteModels, measured: Iterable[str]) -> Decision:
    """The decision as the pin has it.

    Args:
        decision: what the race says.
        pin: what holds for the site, task and night.
        config: the site's settings.
        measured: models with measurements; empty where nothing was evaluated.

    Raises:
        ConfigError: the pinned model does not run in the site's race.
    """
    if pin is None:
        return decision
    if pin.model not in config.race:
        msg = (
            f"{FILE}: {pin.model} is pinned for {pin.site}, {pin.task}, but does not run there; add it to race in "
            f"models.yml, or run 'perso models release --site {pin.site} --task {pin.task}'."
        )
        raise ConfigError(msg)
    ran = set(measured)
    if ran and pin.model not in ran:
        return Decision(
            decision.task,
            decision.model,
            decision.challenger,
            f"{pin.model} is pinned but was left out of tonight's race. {decision.reason}",
        )
    why = f" ({pin.why})" if pin.why else ""
    reason = f"{pin.model} serves by rollback to {pin.version} since {pin.from_night}{why}; the race says: "
    challenger = decision.model if decision.model != pin.model else decision.challenger
    return Decision(decision.task, pin.model, challenger, reason + decision.reason)


def _ended(pins: PinnedModels, site_id: str, task: Task, from_night: date) -> list[Pin]:
    kept = []
    for pin in pins.pinned:
        if (pin.site, pin.task) != (site_id, task) or (pin.until_night and pin.until_night <= from_night):
            kept.append(pin)
        elif pin.from_night < from_night:
            kept.append(pin.model_copy(update={"until_night": from_night}))
    return kept
