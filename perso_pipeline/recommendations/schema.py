"""JSON Schema of ``config/scenarios.yml`` for editors, written from the pydantic models.

``python -m perso_pipeline.recommendations.schema FILE`` writes it; a test holds the committed copy against
the models. Keep the models themselves in ``scenarios``.
"""

import json
import sys
from pathlib import Path

from perso_pipeline.recommendations.scenarios import Scenarios


def scenarios_schema() -> str:
    """The schema as text, keys in the order of the models, one newline at the end."""
    return json.dumps(Scenarios.model_json_schema(), indent=2) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(scenarios_schema(), encoding="utf-8")
