"""What the shop serves whom, as ``config/experiments.yml`` says: lists held back, and lists of another model.

Vectorised over the day's sessions. The rule itself stands in ``contracts.experiments``; a test holds both together.
"""

from collections.abc import Iterator
from datetime import date

import numpy as np

from perso_pipeline.contracts.experiments import Experiment
from perso_pipeline.shop.arrays import Bools, Ints
from perso_pipeline.shop.config import ShopConfig
from perso_pipeline.shop.people import People

OUTSIDE, TREATMENT, CONTROL = -1, 0, 1


def is_held_out(visitors: Ints, config: ShopConfig, people: People) -> Bools:
    """Visitors of the holdout's control, who get no list anywhere."""
    return people.shares(config.holdout_salt)[visitors] < config.holdout_share


def arms(experiment: Experiment, visitors: Ints, config: ShopConfig, people: People) -> Ints:
    """OUTSIDE, TREATMENT or CONTROL of an experiment beside the holdout."""
    is_inside = ~is_held_out(visitors, config, people)
    if experiment.layer is not None:
        place = people.shares(experiment.layer_salt)[visitors]
        is_inside &= (place >= experiment.slice[0]) & (place < experiment.slice[1])
    is_control = people.shares(experiment.salt)[visitors] < experiment.control_share
    return np.where(is_inside, np.where(is_control, CONTROL, TREATMENT), OUTSIDE)


def running(config: ShopConfig, day: date, scenario_id: str) -> Iterator[Experiment]:
    """Experiments beside the holdout that are about the scenario on the day."""
    for experiment in config.experiments:
        if experiment.runs_on(day) and scenario_id in experiment.scenarios:
            yield experiment


def held_back(visitors: Ints, scenario_id: str, day: date, *, config: ShopConfig, people: People) -> Bools:
    """Whether no list may be shown on the scenario."""
    is_held = is_held_out(visitors, config, people)
    for experiment in running(config, day, scenario_id):
        if experiment.kind == "scenario_control":
            is_held |= arms(experiment, visitors, config, people) == CONTROL
    return is_held


def model_versions(
    visitors: Ints, scenario_id: str, day: date, *, incumbent: str, config: ShopConfig, people: People
) -> tuple[Ints, list[str]]:
    """Codes of the model that makes each visitor's list on the scenario, and the names of the codes."""
    codes, names = np.zeros(len(visitors), dtype=np.int64), [incumbent]
    for experiment in running(config, day, scenario_id):
        if experiment.model_versions is None:
            continue
        arm = arms(experiment, visitors, config, people)
        for value, name in (
            (CONTROL, experiment.model_versions.control),
            (TREATMENT, experiment.model_versions.treatment),
        ):
            codes[arm == value] = len(names)
            names.append(name)
    return codes, names
