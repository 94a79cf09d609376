"""Identifiers and edges written by hand, and the map that follows."""

import zlib
from datetime import date, timedelta
from pathlib import Path

import duckdb

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
        self.db.execute("""
            create schema if not exists identity;
            create table if not exists identity.identifiers (
                identifier varchar, identifier_type varchar, known_on date
            );
            create table if not exists identity.identity_edges (
                identifier varchar, other_identifier varchar, edge_type varchar, known_on date, first_known_at timestamp
            );
        """)

    def knows(self, identifier: str, number: int) -> None:
        """Note that a record of a night names an identifier."""
        self.db.execute(
            "delete from identity.identifiers where identifier = ? and known_on > ?", [identifier, night(number)]
        )
        self.db.execute(
            "insert into identity.identifiers select $i, split_part($i, ':', 1), $n::date "
            "where not exists (select 1 from identity.identifiers where identifier = $i)",
            {"i": identifier, "n": night(number)},
        )  # fmt: skip

    def learns(self, *edges: Edge) -> None:
        """Note edges, with their ends, as the SQL models do: the first night counts. The edge decides its time of day."""
        for one, other, kind, number in edges:
            ends = sorted((one, other))
            hour = zlib.crc32(f"{ends}{kind}".encode()) % 24
            for end in ends:
                self.knows(end, number)
            self.db.execute(
                "delete from identity.identity_edges where identifier = ? and other_identifier = ? and edge_type = ? and known_on > ?",
                [*ends, kind, night(number)],
            )
            self.db.execute(
                "insert into identity.identity_edges select $a, $b, $k, $n::date, $n::timestamp + to_hours($h) where not exists "
                "(select 1 from identity.identity_edges where identifier = $a and other_identifier = $b and edge_type = $k)",
                {"a": ends[0], "b": ends[1], "k": kind, "n": night(number), "h": hour},
            )

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
