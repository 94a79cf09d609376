"""The SQL half of identity, and interactions, as one dbt invocation: no gate stands between the two."""

from collections.abc import Mapping
from pathlib import Path

from perso_pipeline.interactions.channels import read_channels
from perso_pipeline.resources.dbt import dbt_stage


def _variables(config_dir: Path) -> Mapping[str, object]:
    return {"channels": read_channels(config_dir).variable()}


fact_tables = dbt_stage("facts", select="path:models/identity path:models/interactions", config=_variables)
