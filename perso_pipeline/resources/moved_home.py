"""MLflow's database after its home was moved, copied or restored elsewhere.

MLflow stores the absolute place of every artefact, so the copy of a home would go on reading and writing the
original's files. Keep everything else of MLflow in ``tracking``.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

_PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def follow_move(database: Path, artifact_dir: Path) -> bool:
    """Point every artefact below ``artifact_dir`` where the recorded places lie elsewhere; returns whether any did.

    The layout is ours: an experiment is called after its site and keeps its artefacts in
    ``<artifact_dir>/<site>``.
    """
    if not database.exists():
        return False
    wanted = artifact_dir.as_uri()
    with closing(sqlite3.connect(database)) as connection, connection:
        if not connection.execute("select 1 from sqlite_master where name = 'experiments'").fetchone():
            return False
        recorded = connection.execute("select name, artifact_location from experiments").fetchall()
        former = {place.removesuffix(f"/{name}") for name, place in recorded if place and place.endswith(f"/{name}")}
        stale = former - {wanted}
        for old in stale:
            for table, column in _PLACES:
                connection.execute(
                    f"update {table} set {column} = ? || substr({column}, ?) where substr({column}, 1, ?) = ?",
                    [wanted, len(old) + 1, len(old) + 1, f"{old}/"],
                )
    return bool(stale)
