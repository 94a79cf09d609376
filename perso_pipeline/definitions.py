"""The map: stage by stage, what exists.

Each stage's ``assets`` declare its tables and ``checks.py`` its own checks; the gates come from
``expectations/``. Add a stage here; keep everything else out.
"""

import dagster as dg

from perso_pipeline import automation
from perso_pipeline.activation import assets as activation
from perso_pipeline.erasure import assets as erasure
from perso_pipeline.identity import assets as identity
from perso_pipeline.identity import checks as identity_checks
from perso_pipeline.interactions import assets as interactions
from perso_pipeline.measurement import assets as measurement
from perso_pipeline.measurement import checks as measurement_checks
from perso_pipeline.models import checks as model_checks
from perso_pipeline.models.assets import candidates, champions
from perso_pipeline.models.search.job import search_models
from perso_pipeline.profiles import assets as profiles
from perso_pipeline.profiles import checks as profile_checks
from perso_pipeline.quality.gates import build_gates
from perso_pipeline.raw import assets as raw
from perso_pipeline.raw import checks as raw_checks
from perso_pipeline.recommendations import assets as recommendations
from perso_pipeline.recommendations import checks as recommendation_checks
from perso_pipeline.recommendations.listings import assets as listings
from perso_pipeline.recommendations.readiness import assets as readiness
from perso_pipeline.resources.dbt import DbtResource, with_described_columns
from perso_pipeline.resources.settings import SettingsResource
from perso_pipeline.resources.tracking import TrackingResource
from perso_pipeline.resources.warehouse import WarehouseResource
from perso_pipeline.segments import assets as segments
from perso_pipeline.settings import Settings
from perso_pipeline.staging import assets as staging

FACT_STAGES = ("raw", "staging", "identity", "interactions")  # take a range of nights in one run

_STAGES = [
    raw,
    staging,
    identity,
    interactions,
    profiles,
    segments,
    champions,
    candidates,
    recommendations,
    listings,
    activation,
    measurement,
    readiness,
    erasure,
]
_CHECKS = [raw_checks, identity_checks, profile_checks, model_checks, recommendation_checks, measurement_checks]

_settings = Settings()

defs = dg.Definitions(
    assets=dg.load_assets_from_modules(_STAGES),
    asset_checks=[*dg.load_asset_checks_from_modules(_CHECKS), *build_gates()],
    jobs=[automation.nightly, search_models],
    schedules=[automation.nightly_schedule],
    sensors=[automation.landing_sensor],
    resources={
        "settings": SettingsResource(),
        "warehouse": WarehouseResource(
            path=str(_settings.warehouse_path), memory_limit=_settings.memory_limit, threads=_settings.threads
        ),
        "dbt": DbtResource(),
        "tracking": TrackingResource(),
    },
    # A step costs milliseconds in this process and seconds in a new one, and DuckDB has one writer anyway.
    executor=dg.in_process_executor,
).map_asset_specs(func=with_described_columns)
