"""From clean records to landing files: late, twice, broken, drifting, in three formats.

Decides on which day a record arrives and in what state. What the records say is decided elsewhere.
"""

import gzip
import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from perso_pipeline.shop import arrays
from perso_pipeline.shop.arrays import Ints
from perso_pipeline.shop.calendar import Calendar
from perso_pipeline.shop.config import ShopConfig

# How a record is broken: field -> what it becomes (null: the key is missing). "cut" is no JSON at all.
WRONG_TYPE, MISSING_KEY, UNKNOWN_EVENT, IMPOSSIBLE_TIME, NEGATIVE, UNKNOWN_SITE, CUT = range(1, 8)
KINDS = ("sound", "wrong_type", "missing_key", "unknown_event", "impossible_time", "negative", "unknown_site", "cut")
_WRONG: Mapping[str, dict[str, Any]] = {
    "storefront_events": {"quantity": "many"}, "recommendation_events": {"occurred_at": "yesterday"},
    "order_events": {"amount": "n/a"}, "profile_events": {"birth_date": "spring"},
    "message_events": {"occurred_at": "soon"}, "catalog_items": {"price": "call us"}, "exchange_rates": {"rate": "par"},
}  # fmt: skip
_NEGATIVE: Mapping[str, dict[str, Any]] = {
    "storefront_events": {"quantity": -3}, "order_events": {"quantity": -2}, "catalog_items": {"stock": -5},
    "exchange_rates": {"rate": -1.1},
}  # fmt: skip
_FORMATS = {
    "storefront_events": "parquet", "recommendation_events": "parquet", "order_events": "jsonl.gz",
    "profile_events": "jsonl.gz", "message_events": "jsonl.gz", "catalog_items": "csv", "exchange_rates": "jsonl",
}  # fmt: skip
_FLAGS = ("_late", "_copy", "_broken")


class Deliveries:
    """Holds what has not arrived yet and writes each day's folder when it is complete."""

    def __init__(self, config: ShopConfig, calendar: Calendar, landing_dir: Path, rng: np.random.Generator) -> None:
        self._config, self._calendar, self._landing, self._rng = config, calendar, landing_dir, rng
        self._waiting: dict[int, dict[str, list[pa.Table]]] = defaultdict(lambda: defaultdict(list))
        self._numbers: dict[str, int] = defaultdict(int)
        self.counts: list[dict[str, Any]] = []
        self.undelivered: dict[str, int] = defaultdict(int)
        self.first_day = calendar.first_day
        self.bytes_written = 0

    def send(
        self,
        stream: str,
        columns: Mapping[str, pa.Array | Ints],
        *,
        reliable: bool = False,
        rng: np.random.Generator | None = None,
    ) -> None:
        """Take records into the post.

        Args:
            stream: name in ``contracts.streams``.
            columns: Arrow columns by field name without ``event_id``; ``_site`` and ``_at`` say where and when.
            reliable: arrives on its day, once and sound (the first full catalogue, for one).
            rng: draws what becomes of them; that of all deliveries unless another is given.
        """
        rng = rng or self._rng
        site, at = np.asarray(columns["_site"]), np.asarray(columns["_at"])
        n = len(at)
        if n == 0:
            return
        first = self._numbers[stream]
        self._numbers[stream] += n
        names = {name: column for name, column in columns.items() if not name.startswith("_")}
        salt = 101 + list(_FORMATS).index(stream)
        table = pa.table({"event_id": arrays.hex_ids("e", first + np.arange(n), salt), **names})

        draws = rng.random((3, n)) if not reliable else np.ones((3, n))
        late = draws[0] < self._config.late_share
        broken = draws[1] < self._config.broken_share
        copied = ~broken & (draws[2] < self._config.duplicate_share)
        arrival = self._calendar.day_of(site, at) + np.where(late, rng.integers(1, 6, n), 0)
        kinds = [k for k in range(1, len(KINDS)) if k != NEGATIVE or stream in _NEGATIVE]
        state = np.where(broken, rng.choice(kinds, n), 0)
        rows = np.flatnonzero(copied)
        again = arrival[rows] + rng.integers(0, 2, len(rows))

        index = np.concatenate([np.arange(n), rows])
        arrival = np.concatenate([arrival, again])
        order = np.argsort(arrival, kind="stable")
        index, arrival = index[order], arrival[order]
        is_copy = (np.arange(n + len(rows)) >= n)[order]
        table = self._drift(stream, table, site, at).take(pa.array(index))
        table = table.append_column("_late", pa.array(late[index] & ~is_copy))
        table = table.append_column("_copy", pa.array(is_copy))
        table = table.append_column("_broken", pa.array(state[index].astype(np.int8)))
        for day in np.unique(arrival).tolist():
            low, high = np.searchsorted(arrival, [day, day + 1])
            if day >= self._config.days:
                self.undelivered[stream] += int(high - low)
            else:
                self._waiting[day][stream].append(table.slice(low, high - low))

    def _drift(self, stream: str, table: pa.Table, site: Ints, at: Ints) -> pa.Table:
        """From the middle of the period on, some storefront records carry a field that nobody announced."""
        days = self._calendar.day_of(site, at)
        if stream != "storefront_events":
            return table
        marked = (days >= self._config.days // 2) & (self._rng.random(len(at)) < 0.3)
        cookie = arrays.words(np.where(marked, self._rng.integers(0, 2, len(at)), -1), pa.array(["blue", "green"]))
        return table.append_column("ab_cookie", cookie)

    def close_day(self, day: int) -> None:
        """Write the folder of ``day``; nothing more may arrive on it."""
        folder_name = self._calendar.date(day).isoformat()
        for stream, tables in sorted(self._waiting.pop(day, {}).items()):
            plain = [pa.table({c: _plain(t.column(c)) for c in t.column_names}) for t in tables]
            table = pa.concat_tables(plain, promote_options="default").combine_chunks()
            state = np.asarray(table.column("_broken"))
            self.counts.append({
                "load_date": self._calendar.date(day), "stream": stream, "delivered": len(state),
                "late": int(pc.sum(table.column("_late")).as_py()),
                "duplicated": int(pc.sum(table.column("_copy")).as_py()),
                "broken": int((state > 0).sum()),
                **{f"broken_{kind}": int((state == code).sum()) for code, kind in enumerate(KINDS) if code},
            })  # fmt: skip
            if stream == "storefront_events" and table.column("ab_cookie").null_count == len(state):
                table = table.drop_columns(["ab_cookie"])
            folder = self._landing / stream / folder_name
            folder.mkdir(parents=True, exist_ok=True)
            self._write(stream, folder, table.drop_columns(list(_FLAGS)), state)

    def _write(self, stream: str, folder: Path, table: pa.Table, state: Ints) -> None:
        chosen = self._config.file_format
        kind = _FORMATS[stream] if chosen == "mixed" else chosen
        if kind == "parquet":
            sound = table.filter(pa.array(state == 0))
            self._keep(folder / f"{stream}.parquet", sound)
            if (state > 0).any():
                # Parquet cannot hold a text in a number's place: what is broken comes as text beside it.
                broken = state > 0
                self._lines(
                    folder / f"{stream}-unsorted.jsonl",
                    json_lines(stream, table.filter(pa.array(broken)), state[broken]),
                )
        elif kind == "csv":
            self._csv(stream, folder / f"{stream}.csv", table, state)
        else:
            self._lines(folder / f"{stream}.{kind}", json_lines(stream, table, state))

    def _keep(self, path: Path, table: pa.Table) -> None:
        pq.write_table(table, path, compression="zstd", compression_level=1, store_schema=False)
        self.bytes_written += path.stat().st_size

    def _lines(self, path: Path, lines: bytes) -> None:
        packed = gzip.compress(lines, compresslevel=3, mtime=0) if path.suffix == ".gz" else lines
        path.write_bytes(packed)
        self.bytes_written += len(packed)

    def _csv(self, stream: str, path: Path, table: pa.Table, state: Ints) -> None:
        flat = pa.table({name: _flat(table.column(name)) for name in table.column_names})
        broken = state > 0
        sound, spoiled = flat.filter(pa.array(~broken)), flat.filter(pa.array(broken))
        with path.open("wb") as sink:
            pa_csv.write_csv(sound, sink)
            if broken.any():
                text = pa.table({n: spoiled.column(n).cast(pa.string()) for n in spoiled.column_names})
                for code in range(1, CUT):
                    text = _patched(text, state[broken] == code, patch(stream, code))
                whole = text.filter(pa.array(state[broken] != CUT))
                if whole.num_rows:
                    pa_csv.write_csv(whole, sink, pa_csv.WriteOptions(include_header=False))
                sink.write(b'"connection reset by peer"\n' * int((state == CUT).sum()))
        self.bytes_written += path.stat().st_size


def patch(stream: str, kind: int) -> dict[str, Any]:
    """What breaking a record of ``stream`` in the way ``kind`` changes; None removes the key."""
    return {
        WRONG_TYPE: _WRONG[stream], MISSING_KEY: {"event_id": None}, UNKNOWN_EVENT: {"event_type": "teleported"},
        IMPOSSIBLE_TIME: {"occurred_at": "2026-02-31T25:61:00Z"}, NEGATIVE: _NEGATIVE.get(stream, {}),
        UNKNOWN_SITE: {"site_id": "shop-atlantis"}, CUT: {},
    }[kind]  # fmt: skip


def json_lines(stream: str, table: pa.Table, state: Ints) -> bytes:
    """One JSON object per row and line, without nulls; broken rows are broken as ``state`` says."""
    swaps = [f"{name}::json as {name}" for name in ("attributes",) if name in table.column_names]
    swaps += [
        f"strftime({name}, '%Y-%m-%dT%H:%M:%S.%fZ') as {name}"
        for name in table.column_names
        if pa.types.is_timestamp(table.schema.field(name).type)
    ]
    cases = " ".join(
        f"when {code} then json_merge_patch(text::json, '{json.dumps(patch(stream, code))}'::json)::varchar"
        for code in range(1, CUT)
    )
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("given", table)
        connection.register("states", pa.table({"state": pa.array(state.astype(np.int8))}))
        result = connection.sql(f"""
            with written as (
                select regexp_replace(to_json(row_given)::varchar, '"[a-z_]+":null,|,"[a-z_]+":null', '', 'g') as text
                from (select * replace ({", ".join(swaps)}) from given) as row_given
            )
            select
                case state when 0 then text {cases}
                    else left(text, greatest(1, length(text) // 2)) end || chr(10) as line
            from written positional join states
        """).to_arrow_table()
    return b"".join(_bytes(chunk) for chunk in result.column("line").chunks)


def _bytes(lines: pa.Array) -> bytes:
    """The text of a string array end to end; its data buffer is the file."""
    _, offsets, data = lines.cast(pa.large_string()).buffers()
    bounds = np.frombuffer(offsets, dtype=np.int64)[lines.offset : lines.offset + len(lines) + 1]
    return data.to_pybytes()[bounds[0] : bounds[-1]] if len(lines) else b""


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _flat(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.binary_join(column, "|") if pa.types.is_list(column.type) else column


def _patched(table: pa.Table, rows: Any, changes: Mapping[str, Any]) -> pa.Table:
    for name, value in changes.items():
        if name in table.column_names:
            new = pc.if_else(
                pa.array(rows), pa.scalar(None if value is None else str(value), pa.string()), table.column(name)
            )
            table = table.set_column(table.column_names.index(name), name, new)
    return table
