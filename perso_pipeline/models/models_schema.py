"""``docs/reference/models.schema.json`` from the config models, so that editors check the file while it is typed.

Run ``python -m perso_pipeline.models.models_schema`` after changing ``config.py``; a test compares.
"""

import json
import sys

from perso_pipeline.models.config import ModelsConfig
from perso_pipeline.settings import PROJECT_ROOT

SCHEMA_PATH = PROJECT_ROOT / "docs" / "reference" / "models.schema.json"


def schema_text() -> str:
    """The JSON Schema of ``config/models.yml``."""
    return json.dumps(ModelsConfig.model_json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA_PATH.write_text(schema_text(), encoding="utf-8")
    sys.stdout.write(f"{SCHEMA_PATH}\n")
