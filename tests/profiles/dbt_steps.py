"""Builds parts of the real dbt project step by step, in a process of its own: dbt keeps its database open as long as it lives.

Called as ``python dbt_steps.py <target folder> <JSON list of [selection, variables]>``; the warehouse is PERSO_WAREHOUSE.
"""

import json
import sys
from pathlib import Path

from dbt.cli.main import dbtRunner

PROJECT = str(Path(__file__).resolve().parents[2] / "sql")


def main(target: str, steps: list[tuple[list[str], dict[str, str]]]) -> None:
    where = ["--project-dir", PROJECT, "--profiles-dir", PROJECT, "--target-path", target, "--log-path", target]
    parsed = dbtRunner().invoke(["parse", "--quiet", *where]).result
    for selection, variables in steps:  # a copy each: dbt marks what it has compiled
        done = dbtRunner(manifest=parsed.deepcopy()).invoke(
            ["build", "--quiet", "--select", *selection, "--vars", json.dumps(variables), *where]
        )
        if not done.success:
            results = done.result or []
            sys.exit(
                str(
                    done.exception or [(r.node.name, r.message) for r in results if r.status not in ("success", "pass")]
                )
            )


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
