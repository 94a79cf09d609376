"""The config files of an installation and who reads each: what ``perso doctor`` goes through."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from pydantic import BaseModel

from perso_pipeline.activation.config import read_triggers
from perso_pipeline.contracts.config_files import read_config
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
from perso_pipeline.recommendations.scenarios import read_scenarios
from perso_pipeline.segments.rules import Segments


def _read(name: str, model: type[BaseModel], folder: Path) -> object:
    return read_config(folder / name, model)


def _scenarios_and_submodels(folder: Path) -> object:
    """The scenarios, each submodel that they name held against ``models.yml``."""
    scenarios = read_scenarios(folder)
    models = read_config(folder / "models.yml", ModelsConfig)
    known = {submodel.id for submodel in models.submodels}
    known |= {submodel.id for site in models.sites for submodel in models.for_site(site).submodels}
    for scenario in scenarios.scenarios:
        for level in scenario.levels:
            if level.submodel is not None and level.submodel not in known:
                hint = nearest(level.submodel, known)
                named = f"scenario '{scenario.id}' names submodel '{level.submodel}'"
                msg = f"scenarios.yml: {named}, not in models.yml{hint}."
                raise ConfigError(msg)
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
    "triggers.yml": read_triggers,
    "experiments.yml": _experiments_and_scenarios,
    "measurement.yml": partial(_read, "measurement.yml", MeasurementConfig),
}


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
