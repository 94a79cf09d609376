"""``docs/reference/predictions.schema.json`` from the models, so that editors check the file while it is typed.

Run ``python -m perso_pipeline.profiles.predictions_schema`` after changing ``predictions_config.py``; a test compares.
"""

import json
import sys

from perso_pipeline.profiles.predictions_config import PredictionsConfig
from perso_pipeline.settings import PROJECT_ROOT

SCHEMA_PATH = PROJECT_ROOT / "docs" / "reference" / "predictions.schema.json"


def schema_text() -> str:
    """The JSON Schema of ``config/predictions.yml``."""
    return json.dumps(PredictionsConfig.model_json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA_PATH.write_text(schema_text(), encoding="utf-8")
    sys.stdout.write(f"{SCHEMA_PATH}\n")
