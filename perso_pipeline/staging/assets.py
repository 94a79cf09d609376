"""The staging tables as one dbt invocation, before the staging gate."""

from perso_pipeline.resources.dbt import dbt_stage

staging_tables = dbt_stage("staging", select="path:models/staging")
