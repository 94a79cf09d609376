"""``config/experiments.yml``: which lists are held back from whom, which tests run, and who is in which arm.

Shop, SQL and measurement all ask here. Add a kind of experiment here; keep effects and intervals in ``measurement``.
"""

from collections.abc import Sequence
from datetime import date
from itertools import combinations
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from perso_pipeline.contracts.assignment import share
from perso_pipeline.contracts.config_files import ConfigPart, first_twice

Arm = Literal["treatment", "control"]
_KIND = "experiments"


class ModelVersions(ConfigPart):
    """What a served record of each arm of a test names."""

    control: str = Field(min_length=1, description="model_version of the lists of control.")
    treatment: str = Field(min_length=1, description="model_version of the lists of treatment.")


class Experiment(ConfigPart):
    """A fixed share of visitors that is treated otherwise, for as long as the experiment runs."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", description="Key in all tables.")
    kind: Literal["holdout", "scenario_control", "test"] = Field(
        default="holdout",
        description="holdout: control gets no list anywhere; scenario_control: none on some scenarios; test: control "
        "and treatment get lists of different models.",
    )
    description: str = Field(default="", description="What is asked.")
    scenarios: tuple[str, ...] = Field(
        default=(), description="Scenarios that it is about; a holdout is about all and names none."
    )
    layer: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9][a-z0-9-]{0,62}$",
        description="Experiments of one layer share the visitors out between them: nobody is in two.",
    )
    slice: tuple[float, float] = Field(
        default=(0.0, 1.0), description="Part of the layer's visitors that is in it: from, to (exclusive)."
    )
    salt: str = Field(min_length=4, description="Changes who is in control; never change it while it runs.")
    control_share: float = Field(gt=0, lt=1, description="Share of its visitors in control.")
    model_versions: ModelVersions | None = Field(
        default=None, description="Of a test: the model_version that its served records name, by arm."
    )
    starts_on: date = Field(description="First day that counts, in the site's zone.")
    ends_on: date | None = Field(default=None, description="Last day that counts; nothing means it runs on.")

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        low, high = self.slice
        is_holdout, is_test = self.kind == "holdout", self.kind == "test"
        faults = (
            (self.ends_on is not None and self.ends_on < self.starts_on, "ends_on lies before starts_on"),
            (not 0 <= low < high <= 1, "slice must be two numbers from 0 to 1, the smaller first"),
            (is_holdout and bool(self.scenarios), "a holdout is about all scenarios; make it a scenario_control"),
            (is_holdout and self.layer is not None, "a holdout has no layer: it comes before all others"),
            (not is_holdout and not self.scenarios, f"a {self.kind} names the scenarios that it is about"),
            (self.layer is None and (low, high) != (0, 1), "a slice is of a layer; name the layer"),
            (is_test and self.model_versions is None, "a test names the model_versions of its arms"),
            (not is_test and self.model_versions is not None, "only a test has model_versions"),
        )
        for is_wrong, words in faults:
            if is_wrong:
                raise PydanticCustomError(_KIND, words)
        return self

    def runs_with(self, other: "Experiment") -> bool:
        """Whether there is a day on which both run."""
        latest_start = max(self.starts_on, other.starts_on)
        return all(end is None or end >= latest_start for end in (self.ends_on, other.ends_on))

    def runs_on(self, day: date) -> bool:
        return self.starts_on <= day and (self.ends_on is None or day <= self.ends_on)

    @property
    def layer_salt(self) -> str:
        """Salt of the hash that shares visitors out within the layer."""
        return f"layer:{self.layer}"


class Experiments(ConfigPart):
    """The whole of ``config/experiments.yml``."""

    experiments: tuple[Experiment, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _can_be_told_apart(self) -> Self:
        if (twice := first_twice([experiment.id for experiment in self.experiments])) is not None:
            raise PydanticCustomError(_KIND, "experiment '{id}' stands twice; give each its own id", {"id": twice})
        ordered = sorted(self.experiments, key=lambda experiment: (experiment.starts_on, experiment.id))
        for earlier, later in combinations(ordered, 2):
            if earlier.runs_with(later):
                _refuse_confusion(earlier, later)
        return self

    def holdout_of(self, experiment: Experiment) -> Experiment | None:
        """The holdout that runs beside it, whose control is in no other experiment."""
        if experiment.kind == "holdout":
            return None
        beside = (other for other in self.experiments if other.kind == "holdout" and other.runs_with(experiment))
        return next(beside, None)

    def arm_of(self, experiment: Experiment, visitor_id: str) -> Arm | None:
        """The arm that a shop must serve a visitor, always the same; None for who is not in the experiment."""
        holdout = self.holdout_of(experiment)
        if holdout is not None and share(holdout.salt, visitor_id) < holdout.control_share:
            return None
        low, high = experiment.slice
        if experiment.layer is not None and not low <= share(experiment.layer_salt, visitor_id) < high:
            return None
        return "control" if share(experiment.salt, visitor_id) < experiment.control_share else "treatment"

    def is_held_back(self, visitor_id: str, scenario_id: str, day: date) -> bool:
        """Whether no list may be shown: the visitor is in a control that gets none on the scenario."""
        return any(
            experiment.kind != "test"
            and experiment.runs_on(day)
            and (not experiment.scenarios or scenario_id in experiment.scenarios)
            and self.arm_of(experiment, visitor_id) == "control"
            for experiment in self.experiments
        )


def _refuse_confusion(earlier: Experiment, later: Experiment) -> None:
    """Two at a time are sound where who is in which arm of one says nothing of what the other does to its lists."""
    kinds = [earlier.kind, later.kind]
    words = ""
    if kinds == ["holdout", "holdout"]:
        words = f"holdout '{earlier.id}' must end (ends_on) before '{later.id}' starts"
    elif "holdout" in kinds:
        holdout, other = (earlier, later) if earlier.kind == "holdout" else (later, earlier)
        begins_inside = holdout.starts_on > other.starts_on
        ends_inside = holdout.ends_on is not None and (other.ends_on is None or other.ends_on > holdout.ends_on)
        if begins_inside or ends_inside:
            words = (
                f"holdout '{holdout.id}' must not begin or end while '{other.id}' runs, because its control is in no "
                "other experiment"
            )
    elif set(earlier.scenarios) & set(later.scenarios):
        is_one_layer = earlier.layer is not None and earlier.layer == later.layer
        if not is_one_layer or _overlap(earlier.slice, later.slice):
            words = (
                f"'{earlier.id}' and '{later.id}' change the same scenario at the same time; give them one layer and "
                "slices that do not overlap"
            )
    if words:
        raise PydanticCustomError(_KIND, "{words}", {"words": words})


def _overlap(first: Sequence[float], second: Sequence[float]) -> bool:
    return max(first[0], second[0]) < min(first[1], second[1])
