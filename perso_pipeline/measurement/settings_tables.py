"""The owner's settings as rows, so that SQL reads them like any other table. Keep their meaning in ``config.py``."""

from datetime import date, timedelta

import pyarrow as pa

from perso_pipeline.measurement.config import Experiments, MeasurementConfig


def experiments_table(experiments: Experiments, night: date) -> pa.Table:
    """One row per experiment that has begun by the night: id, description, share in control, first and last day."""
    begun = [experiment for experiment in experiments.experiments if experiment.starts_on <= night]
    return pa.table(
        {
            "night": pa.array([night] * len(begun), pa.date32()),
            "experiment_id": pa.array([experiment.id for experiment in begun], pa.string()),
            "description": pa.array([experiment.description for experiment in begun], pa.string()),
            "holdout_share": pa.array([experiment.holdout_share for experiment in begun], pa.float64()),
            "starts_on": pa.array([experiment.starts_on for experiment in begun], pa.date32()),
            "ends_on": pa.array([experiment.ends_on for experiment in begun], pa.date32()),
        }
    )


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
