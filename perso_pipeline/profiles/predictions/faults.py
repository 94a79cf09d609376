"""The questions behind the checks of predictions, asked of the stored tables."""

from datetime import date

from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.profiles.predictions.config import PredictionsConfig
from perso_pipeline.profiles.predictions.training import MODELS

_SERVING = """
select
    s.site_id, s.model, s.trained_on, s.version, s.newest_training, s.reason,
    t.skill_low, t.calibration_error, t.calibration_error_by_chance, t.total_error, t.version as trained_version
from profiles.serving_models as s
left join profiles.prediction_trainings as t
    on s.site_id = t.site_id and s.model = t.model and s.trained_on = t.trained_on
where s.night = ?
order by s.site_id, s.model
"""


def unfit_serving_models(warehouse: Warehouse, night: date, config: PredictionsConfig) -> list[str]:
    """One sentence for each model that serves without having passed, and each that nothing was decided for."""
    rows = warehouse.query(_SERVING, [night]).to_pylist()
    if not rows:
        return [f"nothing was decided for {night}"]
    decided = {(row["site_id"], row["model"]) for row in rows}
    sites = {site for site, _ in decided}
    faults = [f"{s}, {m}: nothing was decided" for s in sorted(sites) for m in MODELS if (s, m) not in decided]
    for row in rows:
        where = f"{row['site_id']}, {row['model']}"
        if row["trained_on"] is None:
            continue
        if row["trained_version"] != row["version"]:
            faults.append(f"{where}: version {row['version']} serves, which is not on record")
        elif row["skill_low"] is None or row["skill_low"] <= 0:
            faults.append(f"{where}: {row['version']} serves, but is not surely better than the base rate")
        elif row["model"] == "value":
            if abs(row["total_error"]) > config.value.max_total_error:
                faults.append(f"{where}: {row['version']} serves, but its holdout was {row['total_error']:+.0%} off")
        elif row["calibration_error"] - row["calibration_error_by_chance"] > config.likelihood.max_calibration_error:
            faults.append(
                f"{where}: {row['version']} serves, but its calibration error is {row['calibration_error']:.3f}"
            )
    return faults


def models_that_fell_back(warehouse: Warehouse, night: date) -> list[str]:
    """The reason of each model that is not the training that was due: an earlier one serves, or none."""
    rows = warehouse.query(_SERVING, [night]).to_pylist()
    return [
        f"{row['site_id']}, {row['model']}: {row['reason']}"
        for row in rows
        if row["trained_on"] != row["newest_training"]
    ]
