"""Builds one stage of the real dbt project, in a process of its own: dbt keeps its database open as long as it lives.

Called as ``python dbt_build.py <target> <stage>[,<stage or model>...] <night>...``; the warehouse is PERSO_WAREHOUSE. The project is parsed once for all
nights.
"""

import json
import sys
from pathlib import Path

from dbt.cli.main import dbtRunner

PROJECT = Path(__file__).resolve().parents[2] / "sql"


def main(target: str, stage: str, nights: list[str]) -> None:
    where = [
        "--project-dir",
        str(PROJECT),
        "--profiles-dir",
        str(PROJECT),
        "--target-path",
        target,
        "--log-path",
        target,
    ]
    selected = [f"path:models/{part}" for part in stage.split(",")]
    parsed = dbtRunner().invoke(["parse", "--quiet", *where]).result
    for (
        night
    ) in nights:  # a copy each: dbt marks what it has compiled and would leave ephemeral models out the next time
        variables = json.dumps({"night": night})
        done = dbtRunner(manifest=parsed.deepcopy()).invoke(
            ["build", "--quiet", "--select", *selected, "--vars", variables, *where]
        )
        if not done.success:
            sys.exit(
                str(
                    done.exception
                    or [(r.node.name, r.message) for r in done.result if r.status not in ("success", "pass")]
                )
            )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
