"""The profile tables in Dagster. SQL is in ``sql/models/profiles``, predictions in the modules beside this."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg
import pyarrow as pa

from perso_pipeline.contracts.config_files import read_config
from perso_pipeline.contracts.sites import Sites
from perso_pipeline.profiles.config import ProfilesConfig
from perso_pipeline.profiles.plots import distributions
from perso_pipeline.profiles.predictions.config import PREDICTIONS_VERSION, PredictionsConfig
from perso_pipeline.profiles.predictions.scoring import score_site
from perso_pipeline.profiles.predictions.serving_models import choose, training_nights
from perso_pipeline.profiles.predictions.tables import PREDICTION_TRAININGS, PREDICTIONS, SERVING_MODELS
from perso_pipeline.profiles.predictions.training import MODELS
from perso_pipeline.profiles.predictions.training_ledger import TrainingLedger, stored_card
from perso_pipeline.profiles.settings_table import settings_table
from perso_pipeline.resources.dbt import dbt_stage
from perso_pipeline.resources.display import markdown_picture, markdown_table
from perso_pipeline.resources.partitions import NIGHTLY
from perso_pipeline.resources.provenance import code_version
from perso_pipeline.resources.settings import SettingsResource
from perso_pipeline.resources.tracking import STEP_WITH_MLFLOW, TrackingResource
from perso_pipeline.resources.warehouse import WarehouseResource

_COMMON: dict[str, Any] = {
    "group_name": "profiles",
    "owners": ["team:perso"],
    "partitions_def": NIGHTLY,
    "code_version": str(PREDICTIONS_VERSION),
}
_FACTS = [
    dg.AssetKey(["interactions", "person_days"]),
    dg.AssetKey(["interactions", "session_events"]),
    dg.AssetKey(["identity", "identity_map"]),
]


@dg.asset(
    key=["profiles", "settings"],
    partitions_def=NIGHTLY,
    pool="warehouse",
    group_name="profiles",
    kinds={"python", "duckdb"},
    owners=["team:perso"],
)
def profile_settings(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, settings: SettingsResource
) -> dg.MaterializeResult:
    """One row per night and setting of config/profiles.yml: whom to believe, what an event weighs."""
    night = date.fromisoformat(context.partition_key)
    rows = settings_table(read_config(settings.get().config_dir / "profiles.yml", ProfilesConfig), night)
    warehouse.open().write_partition("profiles.settings", rows, {"night": night})
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": rows.num_rows,
            "night": night.isoformat(),
            "preview": dg.MetadataValue.md(markdown_table(rows)),
        }
    )


profiles_tables = dbt_stage(
    "profiles", select="path:models/profiles", per_night=True, pictures={"customer_profiles": distributions}
)


@dg.multi_asset(
    name="prediction_models",
    specs=[
        dg.AssetSpec(
            ["profiles", "prediction_trainings"],
            description="One row per training night, site and model: how good it is, and whether it may serve.",
            deps=_FACTS,
            kinds={"python", "mlflow"},
            **_COMMON,
        ),
        dg.AssetSpec(
            ["profiles", "serving_models"],
            description="One row per night, site and model: the training that serves, or why none does.",
            deps=_FACTS,
            kinds={"python", "mlflow"},
            **_COMMON,
        ),
    ],
    **STEP_WITH_MLFLOW,
)
def prediction_models(
    context: dg.AssetExecutionContext,
    settings: SettingsResource,
    warehouse: WarehouseResource,
    tracking: TrackingResource,
) -> Iterator[dg.MaterializeResult]:
    """Train what is due and not there yet, and decide which training serves each site with any facts that night."""
    night, store = date.fromisoformat(context.partition_key), warehouse.open()
    folder = settings.get().config_dir
    config = read_config(folder / "predictions.yml", PredictionsConfig)
    ledger = TrainingLedger(store, tracking.open(), config, _tags(context))
    serving = []
    for site_id in store.query(_SITES, [night]).column("site_id").to_pylist():
        for model in MODELS:
            decision = choose(training_nights(night, config.training), ledger.trainings(site_id, model))
            chosen = decision.chosen or {}
            serving.append(
                {
                    "night": night,
                    "site_id": site_id,
                    "model": model,
                    "newest_training": decision.newest_training,
                    "trained_on": chosen.get("trained_on"),
                    "version": chosen.get("version"),
                    "reason": decision.reason,
                }
            )
    rows = pa.Table.from_pylist(serving, schema=SERVING_MODELS)
    store.write_partition("profiles.serving_models", rows, {"night": night})
    yield dg.MaterializeResult(
        asset_key=["profiles", "prediction_trainings"],
        metadata={
            "dagster/row_count": len(ledger.made),
            "trained": len(ledger.made),
            "preview": dg.MetadataValue.md(
                markdown_table(pa.Table.from_pylist(ledger.made, schema=PREDICTION_TRAININGS), longest=_SENTENCE)
            ),
            **{name: dg.MetadataValue.md(markdown_picture(body, title=name)) for name, body in ledger.pictures.items()},
            **{name: dg.MetadataValue.text(place) for name, place in ledger.links.items()},
        },
    )
    yield dg.MaterializeResult(
        asset_key=["profiles", "serving_models"],
        metadata={
            "dagster/row_count": len(serving),
            "preview": dg.MetadataValue.md(markdown_table(rows, limit=30, longest=_SENTENCE)),
        },
    )


@dg.asset(
    key=["profiles", "predictions"],
    deps=[
        ["profiles", "customer_profiles"],
        ["profiles", "serving_models"],
        ["profiles", "prediction_trainings"],
        *_FACTS,
    ],
    kinds={"python", "duckdb"},
    **_COMMON,
    **STEP_WITH_MLFLOW,
)
def predictions(
    context: dg.AssetExecutionContext,
    settings: SettingsResource,
    warehouse: WarehouseResource,
    tracking: TrackingResource,
) -> dg.MaterializeResult:
    """One row per night, site and person of customer_profiles: likelihoods and value, null where not estimable."""
    night, store = date.fromisoformat(context.partition_key), warehouse.open()
    folder = settings.get().config_dir
    config = read_config(folder / "predictions.yml", PredictionsConfig)
    chosen = store.query(_CHOSEN, [night]).to_pylist()
    scored = []
    for site in read_config(folder / "sites.yml", Sites).sites:
        cards = {
            row["model"]: (row["version"], stored_card(tracking.open(), row))
            for row in chosen
            if row["site_id"] == site.id
        }
        scored.append(score_site(store, site.id, night, cards=cards, config=config))
    rows = pa.concat_tables(scored)
    store.write_partition("profiles.predictions", rows, {"night": night})
    found = {name: len(rows) - rows.column(name).null_count for name in _ESTIMATES}
    assert rows.schema == PREDICTIONS
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": rows.num_rows,
            "people_with_an_estimate": dg.MetadataValue.json(found),
            "preview": dg.MetadataValue.md(markdown_table(rows)),
        }
    )


_SITES = "select distinct site_id from interactions.person_days where known_on <= ? order by site_id"
_SENTENCE = 300  # letters of a reason that are shown in a cell
_ESTIMATES = ("conversion_7d", "churn_likelihood", "predicted_value_90d")
_CHOSEN = """
select t.site_id, t.model, t.version, t.file, t.sha256, t.bytes, t.mlflow_run_id
from profiles.serving_models as s
inner join profiles.prediction_trainings as t
    on s.site_id = t.site_id and s.model = t.model and s.trained_on = t.trained_on and s.version = t.version
where s.night = ?
order by all
"""


def _tags(context: dg.AssetExecutionContext) -> dict[str, str]:
    return {
        "dagster/run_id": context.run.run_id,
        "dagster/asset_key": "profiles/prediction_trainings",
        "dagster/partition": context.partition_key,
        "perso.code": code_version(),
    }
