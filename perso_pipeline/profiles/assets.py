"""The profile tables in Dagster. Nothing to test without Dagster; SQL is in ``sql/models/profiles``."""

from perso_pipeline.resources.dbt import dbt_stage

profiles_tables = dbt_stage("profiles", select="path:models/profiles", per_night=True)
