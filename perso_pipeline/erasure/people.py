"""Whom a word means and everything that names them: identifiers, person ids, orders, carts.

Reads identity and raw. Keep removing out.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import duckdb
import pyarrow as pa

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.contracts.streams import STREAMS, Stream

_KINDS = ("customer", "visitor", "loyalty")
_FIELDS = {"visitor": "visitor_id", "loyalty": "loyalty_id", "email": "email_hash", "phone": "phone_hash"}
_FEWEST_DIGITS = 5
_VISITED = """
    select distinct visitor_id from raw.{}
    where customer_id in (from looked_for_customer) and visitor_id not in (from looked_for_visitor)"""


@dataclass(frozen=True)
class People:
    """Everything that names the people to erase.

    Attributes:
        count: how many people they are now.
        identifiers: as in ``identity.identity_map``, of all of them.
        shared: those of them that records of others name too; they stay in the others' records.
        person_ids: ids that only they ever had.
        stretches: (person id, first night, night after the last or None): nights on which one of them was taken for
            a part of somebody else, who keeps that id.
        orders: 'site:order'.
        carts: cart ids.
        visited: visitor ids of devices that are not theirs and that records of theirs name.
    """

    count: int
    identifiers: tuple[str, ...]
    shared: tuple[str, ...]
    person_ids: tuple[str, ...]
    stretches: tuple[tuple[str, str, str | None], ...]
    orders: tuple[str, ...]
    carts: tuple[str, ...]
    visited: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "People":
        stretches = tuple((person, first, end) for person, first, end in stored["stretches"])
        lists = {name: tuple(values) for name, values in stored.items() if name not in {"count", "stretches"}}
        return cls(count=stored["count"], stretches=stretches, **lists)

    @property
    def devices_of_others(self) -> tuple[str, ...]:
        """Visitor ids of which sessions may hold records of theirs and of others."""
        shared = (name.removeprefix("visitor:") for name in self.shared if name.startswith("visitor:"))
        return tuple(sorted({*shared, *self.visited}))

    @property
    def own(self) -> tuple[str, ...]:
        """Identifiers that nobody else's records name."""
        return tuple(sorted(set(self.identifiers) - set(self.shared)))

    def lasting_names(self) -> list[str]:
        """What the suppression list is to hold, before hashing.

        Of somebody known only by what others use too, that: records on it that prove nobody are theirs, and a record
        that proves another customer is left out by no device.
        """
        persons = (f"person:{person}" for person in self.person_ids)
        return [*(self.own or self.identifiers), *persons, *(f"order:{order}" for order in self.orders)]

    def names(self) -> list[str]:
        """What is looked for in landing files, before hashing."""
        return [*self.identifiers, *(f"order:{order}" for order in self.orders)]


def hashed(names: Iterable[str], key: bytes) -> frozenset[str]:
    """HMAC-SHA-256 of each, as ``perso_hmac`` has it."""
    return frozenset(hmac.new(key, name.encode(), hashlib.sha256).hexdigest() for name in names)


def candidates(word: str, key: bytes) -> list[str]:
    """Identifiers that ``word`` may mean; e-mail addresses and phone numbers become their hashes here.

    A word that is an identifier with its kind ('customer:C200003') means that one only.
    """
    word = word.strip()
    if word.startswith(tuple(f"{kind}:" for kind in _KINDS)):
        return [word]
    found = [f"{kind}:{word}" for kind in (*_KINDS, "person")]
    if "@" in word:
        hash_ = next(iter(hashed([word.lower()], key)))
        found += [f"email:{hash_}", *(f"{kind}:h:{hash_[:16]}" for kind in _KINDS)]
    digits = re.sub(r"[^0-9]", "", word)
    if len(digits) >= _FEWEST_DIGITS and not re.search(r"[A-Za-z@]", word):
        number = re.sub(r"^00", "+", ("+" if word.startswith("+") else "") + digits)
        found.append(f"phone:{next(iter(hashed([number], key)))}")
    return found


def find_people(
    connection: duckdb.DuckDBPyConnection, words: Sequence[str], key: bytes, suppressed: frozenset[str]
) -> tuple[People, list[int]]:
    """Everybody whom ``words`` mean, with the places (from 0) of the words that mean nobody.

    Somebody of whom every identifier is ``suppressed`` is nobody any more: a device of theirs may stand there still,
    because records of others name it.
    """
    _give(connection, "words", {"place": range(len(words)), "name": [word.strip() for word in words]})
    named = [(place, name) for place, word in enumerate(words) for name in candidates(word, key)]
    _give(connection, "named", {"place": [place for place, _ in named], "name": [name for _, name in named]})
    found = connection.execute(
        """
        with standing as (select person_id, identifier from identity.identity_map where void_on is null),
        meant as (
            select g.place, s.person_id from standing as s inner join looked_for_words as g on s.person_id = g.name
            union
            select g.place, s.person_id from standing as s inner join looked_for_named as g on s.identifier = g.name
        )
        select m.place, m.person_id, list(s.identifier)
        from meant as m inner join standing as s on s.person_id = m.person_id
        group by m.place, m.person_id order by m.place"""
    ).fetchall()
    persons: list[list[str]] = [[] for _ in words]
    for place, person, identifiers in found:
        if not hashed(identifiers, key) <= suppressed:
            persons[place].append(person)
    for place, those in enumerate(persons):
        if len(those) > 1:
            msg = (
                f"Word {place + 1} means {len(those)} people; give the person id of the one to erase "
                "('perso show person' prints it)."
            )
            raise PersoError(msg)
    unknown = [place for place, those in enumerate(persons) if not those]
    return _everything_of(connection, sorted({person for those in persons for person in those})), unknown


def _everything_of(connection: duckdb.DuckDBPyConnection, persons: list[str]) -> People:
    _give(connection, "persons", {"name": persons})
    identifiers = _column(
        connection,
        "select distinct identifier from identity.identity_map"
        " where void_on is null and person_id in (from looked_for_persons)",
    )
    _give(connection, "identifiers", {"name": identifiers})
    had = connection.execute(
        """
        select m.person_id, min(m.known_on), nullif(max(coalesce(m.void_on, date '9999-12-31')), date '9999-12-31'),
            m.person_id not in (
                select person_id from identity.identity_map where identifier not in (from looked_for_identifiers)
            ) as is_own
        from identity.identity_map as m where m.identifier in (from looked_for_identifiers)
        group by m.person_id order by m.person_id"""
    ).fetchall()
    for kind in ("customer", *_FIELDS):
        _give(connection, kind, {"name": _values(identifiers, kind)})
    shared: set[str] = set()
    carts: set[str] = set()
    visited: set[str] = set()
    for stream in STREAMS.values():
        for kind, column in _FIELDS.items():
            if {column, "customer_id"} <= stream.columns:
                shared |= {f"{kind}:{value}" for value in _column(connection, _shared(stream.name, kind))}
        if {"customer_id", "visitor_id"} <= stream.columns:
            visited |= set(_column(connection, _VISITED.format(stream.name)))
        if "cart_id" in stream.columns:
            carts |= set(_column(connection, _of_them(stream, "cart_id")))
    orders = _column(connection, _of_them(STREAMS["order_events"], "site_id || ':' || order_id"))
    return People(
        count=len(persons),
        identifiers=tuple(identifiers),
        shared=tuple(sorted(shared)),
        person_ids=tuple(person for person, _, _, is_own in had if is_own),
        stretches=tuple((p, str(first), _text(end)) for p, first, end, is_own in had if not is_own),
        orders=tuple(orders),
        carts=tuple(sorted(carts)),
        visited=tuple(sorted(visited)),
    )


def _text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _values(identifiers: Iterable[str], kind: str) -> list[str]:
    return [i.removeprefix(f"{kind}:") for i in identifiers if i.startswith(f"{kind}:")]


def _shared(stream: str, kind: str) -> str:
    column = _FIELDS[kind]
    attempt = "and not (event_type = 'sign_in' and is_success is not true)" if stream == "storefront_events" else ""
    return f"""
        select distinct {column} from raw.{stream}
        where {column} in (from looked_for_{kind}) and customer_id is not null
            and customer_id not in (from looked_for_customer) {attempt}"""


def _of_them(stream: Stream, wanted: str) -> str:
    named = [f"{column} in (from looked_for_{kind})" for kind, column in _FIELDS.items() if column in stream.columns]
    return f"""
        select distinct {wanted} from raw.{stream.name}
        where {wanted} is not null
            and (customer_id in (from looked_for_customer) or (customer_id is null and ({" or ".join(named)})))"""


def _column(connection: duckdb.DuckDBPyConnection, sql: str) -> list[str]:
    return sorted(row[0] for row in connection.execute(sql).fetchall())


def _give(
    connection: duckdb.DuckDBPyConnection, name: str, columns: Mapping[str, Sequence[str] | Sequence[int]]
) -> None:
    """What is looked for, of all people at once, as a temporary table ``looked_for_<name>``."""
    kinds = {"place": pa.int64(), "name": pa.string()}
    given = pa.table({column: pa.array(values, kinds[column]) for column, values in columns.items()})
    connection.register("given_names", given)
    connection.execute(f"create or replace temp table looked_for_{name} as from given_names")
    connection.unregister("given_names")
