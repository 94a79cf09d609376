"""Identifiers and edges written by hand, and the map that follows."""

import zlib
from datetime import date, datetime, time, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from perso_pipeline.identity.config import IdentityRules
from perso_pipeline.identity.resolve import Resolved, resolve

FIRST = date(2026, 3, 1)
Edge = tuple[str, str, str, int]  # identifier, other identifier, edge type, night (1 is FIRST)
Stretch = tuple[int, int | None, str, float]  # from night, to before night, root, confidence


def night(number: int) -> date:
    return FIRST + timedelta(days=number - 1)


class Shop:
    """Edges arrive by night; ``run`` resolves nights as a run of the stage does."""

    def __init__(self, path: Path, rules: IdentityRules | None = None) -> None:
        self.db = duckdb.connect(str(path))
        self.rules = rules or IdentityRules()
        self._identifiers: dict[str, int] = {}  # each with the first night that names it
        self._edges: dict[tuple[str, str, str], int] = {}
        self.db.execute("""
            create schema identity;
            create table identity.identifiers (
                identifier varchar, identifier_type varchar, known_on date
            );
            create table identity.identity_edges (
                identifier varchar, other_identifier varchar, edge_type varchar, known_on date, first_known_at timestamp
            );
        """)

    def knows(self, identifier: str, number: int) -> None:
        """Note that a record of a night names an identifier."""
        self._note_identifier(identifier, number)
        self._write()

    def learns(self, *edges: Edge) -> None:
        """Note edges, with their ends, as the SQL models do: the first night counts. The edge decides its time of day."""
        for one, other, kind, number in edges:
            ends = sorted((one, other))
            for end in ends:
                self._note_identifier(end, number)
            edge = (*ends, kind)
            self._edges[edge] = min(number, self._edges.get(edge, number))
        self._write()

    def _note_identifier(self, identifier: str, number: int) -> None:
        self._identifiers[identifier] = min(number, self._identifiers.get(identifier, number))

    def _write(self) -> None:
        identifiers = pa.Table.from_pylist([
            {"identifier": identifier, "identifier_type": identifier.split(":")[0], "known_on": night(number)}
            for identifier, number in self._identifiers.items()
        ])  # fmt: skip
        edges = pa.Table.from_pylist([
            {"identifier": one, "other_identifier": other, "edge_type": kind, "known_on": night(number),
             "first_known_at": datetime.combine(night(number), time(zlib.crc32(f"{[one, other]}{kind}".encode()) % 24))}
            for (one, other, kind), number in self._edges.items()
        ])  # fmt: skip
        self.db.execute("begin")
        for table, rows in (("identifiers", identifiers), ("identity_edges", edges)):
            self.db.execute(f"delete from identity.{table}")
            if rows.num_rows:
                self.db.register("noted", rows)
                self.db.execute(f"insert into identity.{table} by name from noted")
                self.db.unregister("noted")
        self.db.execute("commit")

    def run(self, first: int, last: int | None = None) -> Resolved:
        self.db.execute("begin")
        done = resolve(self.db, self.rules, first=night(first), last=night(last or first))
        self.db.execute("commit")
        return done

    def people(self, number: int) -> set[frozenset[str]]:
        """Who is together as of a night; people of one identifier are left out."""
        rows = self.db.execute(
            "select list(identifier) from identity.identity_map where known_on <= $n and (void_on is null or void_on > $n) "
            "group by person_id having count(*) > 1",
            {"n": night(number)},
        ).fetchall()
        return {frozenset(identifiers) for (identifiers,) in rows}

    def stretches(self, identifier: str) -> list[Stretch]:
        """Nights, root and confidence of an identifier, in order."""
        rows = self.db.execute(
            "select m.known_on, m.void_on, i.identifier, m.confidence from identity.identity_map as m "
            "join identity.identifiers as i on 'p' || md5(i.identifier)[:16] = m.person_id where m.identifier = ? order by 1",
            [identifier],
        ).fetchall()
        return [
            ((a - FIRST).days + 1, (b - FIRST).days + 1 if b else None, root, confidence)
            for a, b, root, confidence in rows
        ]

    def contents(self) -> dict[str, list[tuple]]:
        return {
            table: self.db.execute(f"select * from identity.{table} order by all").fetchall()
            for table in ("identity_map", "identity_links", "identity_guards")
        }
