"""The config files of an installation and who reads each: what ``perso doctor`` goes through."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from pydantic import BaseModel

from perso_pipeline.activation.config import Navigation, read_triggers
from perso_pipeline.contracts.config_files import error_at, read_config
from perso_pipeline.contracts.errors import ConfigError, nearest
from perso_pipeline.contracts.experiments import Experiments
from perso_pipeline.contracts.sites import Site, Sites
from perso_pipeline.identity.config import read_identity_rules
from perso_pipeline.interactions.channels import read_channels
from perso_pipeline.measurement.config import MeasurementConfig
from perso_pipeline.models.config import ModelsConfig
from perso_pipeline.models.pins import read_pins
from perso_pipeline.profiles.config import ProfilesConfig
from perso_pipeline.profiles.predictions.config import PredictionsConfig
from perso_pipeline.recommendations.conflicts import conflicts
from perso_pipeline.recommendations.levels import Level, Strategy
from perso_pipeline.recommendations.listings.config import read_listings
from perso_pipeline.recommendations.merchandising import read_merchandising
from perso_pipeline.recommendations.scenarios import Scenarios, read_scenarios
from perso_pipeline.segments.rules import RESERVED_PREFIXES, Segments


def _read(name: str, model: type[BaseModel], folder: Path) -> object:
    return read_config(folder / name, model)


def _scenarios_and_submodels(folder: Path) -> object:
    """The scenarios, each submodel that they name held against ``models.yml``."""
    scenarios = read_scenarios(folder)
    models = read_config(folder / "models.yml", ModelsConfig)
    known = {submodel.id for submodel in models.submodels}
    known |= {submodel.id for site in models.sites for submodel in models.for_site(site).submodels}
    path = folder / "scenarios.yml"
    for number, scenario in enumerate(read_config(path, Scenarios).scenarios):
        named: list[tuple[tuple[int | str, ...], str | None]] = []
        levels: list[tuple[tuple[int | str, ...], Level]] = [
            (("levels", place), level) for place, level in enumerate(scenario.levels)
        ]
        for choice, chosen in enumerate(scenario.by_segment):
            levels += [(("by_segment", choice, "levels", place), level) for place, level in enumerate(chosen.levels)]
        for at, level in levels:
            named.append(((*at, "submodel"), level.submodel))
            named += [((*at, "mix", place, "submodel"), source.submodel) for place, source in enumerate(level.mix)]
        named += [(("time_slots", "submodel"), scenario.time_slots.submodel)] if scenario.time_slots else []
        for where, submodel in named:
            if submodel is not None and submodel not in known:
                words = (
                    f"scenario '{scenario.id}' names submodel '{submodel}', not in models.yml{nearest(submodel, known)}"
                )
                raise error_at(path, ("scenarios", number, *where), words)
    return scenarios


def _experiments_and_scenarios(folder: Path) -> object:
    """The experiments, each scenario that they name held against ``scenarios.yml``: a slip would have no visitor."""
    experiments = read_config(folder / "experiments.yml", Experiments)
    known = {scenario.id for scenario in read_scenarios(folder).scenarios}
    for experiment in experiments.experiments:
        for scenario_id in experiment.scenarios:
            if scenario_id not in known:
                named = f"'{experiment.id}' names scenario '{scenario_id}'"
                msg = f"experiments.yml: {named}, not in scenarios.yml{nearest(scenario_id, known)}."
                raise ConfigError(msg)
    return experiments


# file name -> reads it from a config folder and raises ConfigError where it does not fit
CONFIG_READERS: dict[str, Callable[[Path], object]] = {
    "sites.yml": partial(_read, "sites.yml", Sites),
    "channels.yml": read_channels,
    "identity.yml": read_identity_rules,
    "segments.yml": partial(_read, "segments.yml", Segments),
    "predictions.yml": partial(_read, "predictions.yml", PredictionsConfig),
    "profiles.yml": partial(_read, "profiles.yml", ProfilesConfig),
    "models.yml": partial(_read, "models.yml", ModelsConfig),
    "pinned_models.yml": read_pins,
    "scenarios.yml": _scenarios_and_submodels,
    "merchandising.yml": read_merchandising,
    "listings.yml": read_listings,
    "triggers.yml": read_triggers,
    "navigation.yml": partial(_read, "navigation.yml", Navigation),
    "experiments.yml": _experiments_and_scenarios,
    "measurement.yml": partial(_read, "measurement.yml", MeasurementConfig),
}


def config_warnings(folder: Path) -> Iterator[str]:
    """What fits and will all the same not do what somebody expects; nothing where a file does not fit.

    Rules that get in each other's way, rules and choices for segments that nobody makes, lists that may run dry.
    """
    try:
        scenarios = read_scenarios(folder)
        segments = read_config(folder / "segments.yml", Segments)
    except ConfigError:
        return
    known = [segment.id for segment in segments.segments]
    named = [
        (f"merchandising.yml: rule '{rule.id}'", s) for rule in scenarios.merchandising.rules for s in rule.segments
    ]
    named += [(f"scenarios.yml: scenario '{one.id}'", c.segment) for one in scenarios.scenarios for c in one.by_segment]
    for place, segment in named:
        if segment not in known and not segment.startswith(tuple(RESERVED_PREFIXES.values())):
            yield f"{place} names segment '{segment}', not in segments.yml{nearest(segment, known)}: it is nobody's."
    for scenario in scenarios.scenarios:
        for levels in (scenario.levels, *(choice.levels for choice in scenario.by_segment)):
            if levels[-1].strategy is not Strategy.CATALOGUE:
                yield f"scenarios.yml: '{scenario.id}' does not end with 'catalogue', so that lists may run dry."
    for conflict in conflicts(scenarios):
        yield f"merchandising.yml: {conflict.sentence}"


def sites_by_id(path: Path, ids: tuple[str, ...]) -> tuple[Site, ...]:
    """The named sites of ``config/sites.yml``, in the order asked.

    Raises:
        ConfigError: a site is not listed; names the nearest one that is.
    """
    known = {site.id: site for site in read_config(path, Sites).sites}
    for wanted in ids:
        if wanted not in known:
            msg = f"Site '{wanted}' is not in {path.name}{nearest(wanted, known)}; sites are {', '.join(known)}."
            raise ConfigError(msg)
    return tuple(known[wanted] for wanted in ids)
