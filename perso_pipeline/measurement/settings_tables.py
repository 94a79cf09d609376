"""The owner's settings as rows, so that SQL reads them like any other table. Keep their meaning in the configs."""

from datetime import date, timedelta
from typing import Any

import pyarrow as pa

from perso_pipeline.contracts.experiments import Experiment, Experiments
from perso_pipeline.measurement.config import MeasurementConfig

EXPERIMENTS_SCHEMA = pa.schema(
    [
        ("night", pa.date32()),
        ("experiment_id", pa.string()),
        ("kind", pa.string()),
        ("description", pa.string()),
        ("scenarios", pa.list_(pa.string())),
        ("salt", pa.string()),
        ("control_share", pa.float64()),
        ("layer_salt", pa.string()),
        ("slice_from", pa.float64()),
        ("slice_to", pa.float64()),
        ("holdout_salt", pa.string()),
        ("holdout_share", pa.float64()),
        ("control_model_version", pa.string()),
        ("treatment_model_version", pa.string()),
        ("cap_quantile", pa.float64()),
        ("starts_on", pa.date32()),
        ("ends_on", pa.date32()),
    ]
)


def experiments_table(experiments: Experiments, config: MeasurementConfig, night: date) -> pa.Table:
    """One row per experiment that has begun by the night, with all that decides who is in which arm."""
    rows = [
        _row(experiment, experiments.holdout_of(experiment), config, night)
        for experiment in experiments.experiments
        if experiment.starts_on <= night
    ]
    return pa.Table.from_pylist(rows, schema=EXPERIMENTS_SCHEMA)


def _row(experiment: Experiment, holdout: Experiment | None, config: MeasurementConfig, night: date) -> dict[str, Any]:
    versions = experiment.model_versions
    return {
        "night": night,
        "experiment_id": experiment.id,
        "kind": experiment.kind,
        "description": experiment.description,
        "scenarios": list(experiment.scenarios) or None,
        "salt": experiment.salt,
        "control_share": experiment.control_share,
        "layer_salt": experiment.layer_salt if experiment.layer is not None else None,
        "slice_from": experiment.slice[0],
        "slice_to": experiment.slice[1],
        "holdout_salt": holdout.salt if holdout else None,
        "holdout_share": holdout.control_share if holdout else None,
        "control_model_version": versions.control if versions else None,
        "treatment_model_version": versions.treatment if versions else None,
        "cap_quantile": config.cap_quantile,
        "starts_on": experiment.starts_on,
        "ends_on": experiment.ends_on,
    }


def report_window_table(config: MeasurementConfig, night: date, *, known_erasures: int) -> pa.Table:
    """One row: the days that the night's report covers, both ends included, and what its figures need.

    ``known_erasures``: how many erasures took orders out until now; the night after knows by it why sums shrank.
    """
    return pa.table(
        {
            "night": pa.array([night], pa.date32()),
            "starts_on": pa.array([night - timedelta(days=config.report_days - 1)], pa.date32()),
            "ends_on": pa.array([night], pa.date32()),
            "attribution_starts_on": pa.array([night - timedelta(days=config.attribution_days - 1)], pa.date32()),
            "known_erasures": pa.array([known_erasures], pa.int64()),
            "churn_days": pa.array([config.churn_days], pa.int64()),
        }
    )
