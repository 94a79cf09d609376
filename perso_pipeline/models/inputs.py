"""Reading what the stage's assets start from: the config of each site and the rows of an earlier asset."""

from datetime import date
from pathlib import Path
from typing import Any

from perso_pipeline.contracts.config_files import read_config
from perso_pipeline.contracts.errors import ConfigError, PersoError, nearest
from perso_pipeline.contracts.sites import Sites
from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.models.config import ModelsConfig, SiteModels
from perso_pipeline.models.site_night import SiteNight

Row = dict[str, Any]


def site_configs(config_dir: Path) -> dict[str, SiteModels]:
    """The model settings of every site of ``config/sites.yml``, in its order.

    Raises:
        ConfigError: ``models.yml`` overrides a site that does not exist.
    """
    zones = {site.id: site.timezone for site in read_config(config_dir / "sites.yml", Sites).sites}
    config = read_config(config_dir / "models.yml", ModelsConfig)
    unknown = sorted(set(config.sites) - set(zones))
    if unknown:
        msg = f"models.yml: sites.{unknown[0]}: there is no such site in sites.yml{nearest(unknown[0], zones)}."
        raise ConfigError(msg)
    return {site_id: config.for_site(site_id).model_copy(update={"time_zone": zone}) for site_id, zone in zones.items()}


def chosen_configs(config_dir: Path, site_id: str) -> dict[str, SiteModels]:
    """The model settings of the site that somebody names; of every site where the name is empty.

    Raises:
        PersoError: there is no such site; names the nearest.
    """
    configs = site_configs(config_dir)
    if not site_id:
        return configs
    if site_id not in configs:
        msg = f"There is no site '{site_id}'{nearest(site_id, configs)}; sites are {', '.join(configs)}."
        raise PersoError(msg)
    return {site_id: configs[site_id]}


def rows_of(warehouse: Warehouse, table: str, night: date) -> list[Row]:
    """All rows of a night, by site."""
    return warehouse.query(f"select * from {table} where night = ? order by all", [night]).to_pylist()


def by_site(rows: list[Row]) -> dict[str, list[Row]]:
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row["site_id"], []).append(row)
    return grouped


def site_as_decided(
    warehouse: Warehouse, site_id: str, night: date, config: SiteModels, chosen: list[Row]
) -> SiteNight:
    """The site's data, which must be what its champions were chosen on.

    Raises:
        PersoError: data or config have changed since; the night's race has to run first.
    """
    site = SiteNight.read(warehouse, site_id, night, config)
    if any(row["version"] != site.version for row in chosen):
        msg = (
            f"The data or config of {site_id} changed after its champions of {night} were chosen; "
            "materialize models/model_evaluations and models/champions of that night first."
        )
        raise PersoError(msg)
    return site
