"""The SQL half of identity, and interactions, as one dbt invocation: no gate stands between the two."""

from perso_pipeline.resources.dbt import dbt_stage

fact_tables = dbt_stage("facts", select="path:models/identity path:models/interactions")
