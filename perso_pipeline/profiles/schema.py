"""``docs/reference/profiles.schema.json`` from the models, so that editors check the file while it is typed.

Run ``python -m perso_pipeline.profiles.schema`` after changing ``config.py``; a test compares.
"""

import json
import sys
from pathlib import Path

from perso_pipeline.profiles.config import ProfilesConfig

SCHEMA_PATH = Path(__file__).resolve().parents[2] / "docs" / "reference" / "profiles.schema.json"


def schema_text() -> str:
    """The JSON Schema of ``config/profiles.yml``."""
    return json.dumps(ProfilesConfig.model_json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA_PATH.parent.mkdir(parents=True, exist_ok=True)
    SCHEMA_PATH.write_text(schema_text(), encoding="utf-8")
    sys.stdout.write(f"{SCHEMA_PATH}\n")
