"""Search of a model's settings: space, objective, study, run, report, and the Dagster job."""
