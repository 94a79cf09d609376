"""What assets are given: the warehouse, dbt, model tracking. Thin Dagster shells around plain classes."""
