"""A ``Source`` into ``raw.<stream>`` and ``raw.rejected_records``: judged, typed, freed of contact details.

Three statements instead of one. The first notes only the records that are faulty or need a closer look, of
which there are few; the second inserts the others straight from the source; the third, with the long
texts of the reasons, runs only when there are faulty ones. Keep files and transactions out (``load``).
"""

from dataclasses import replace

import duckdb

from perso_pipeline.contracts.streams import Privacy, Stream
from perso_pipeline.raw import rules
from perso_pipeline.raw.local_days import LOCAL_DAYS_TABLE
from perso_pipeline.raw.robots import robot_condition
from perso_pipeline.raw.sources import FILES_TABLE, LINES_TABLE, Source
from perso_pipeline.raw.suppression import ERASED_TABLE, find_erased
from perso_pipeline.raw.tables import ROBOT_STREAMS

PARSED_TABLE = "parsed_records"
NOTES_TABLE = "noted_records"  # file, line, fault (number in rules.faults, or NULL), is_suspect


def keep(
    connection: duckdb.DuckDBPyConnection, stream: Stream, source: Source, *, has_erased: bool = False
) -> dict[int, int]:
    """Insert every record of ``source``, accepted or rejected; returns the records left out by file index.

    Left out are, with ``has_erased``, those of people on the list of ``suppression``.

    Needs ``raw.sites``, ``incoming_files``, ``local_days`` and the macros of ``privacy``. What is registered as
    ``incoming_lines`` must be readable twice.
    """
    parameters = source.parameters
    if source.is_parsed_once:
        connection.execute(f"create or replace temp table {PARSED_TABLE} as {_parsing(stream, source)}", parameters)
        parameters = {}
    erased: dict[int, int] = {}
    if has_erased:
        relation = f"from {PARSED_TABLE}" if source.is_parsed_once else source.sql
        erased = find_erased(connection, stream, relation, parameters=parameters, has_lines=source.is_parsed_once)
    if erased and source.is_parsed_once:
        connection.execute(
            f"delete from {PARSED_TABLE} where (file, line) in (select (file, line) from {ERASED_TABLE})"
        )
    elif erased:
        source = replace(source, sql=f"select * from ({source.sql}) anti join {ERASED_TABLE} using (file, line)")
    connection.execute(f"create or replace temp table {NOTES_TABLE} as {_noting(stream, source)}", parameters)
    noted, faulty = connection.execute(f"select count(*), count(fault) from {NOTES_TABLE}").fetchall()[0]
    connection.execute(_accepting(stream, source, is_noted=noted > 0), parameters)
    if faulty:
        connection.execute(_rejecting(stream, source), parameters | {"stream": stream.name})
    if source.is_parsed_once:
        connection.execute(f"drop table {PARSED_TABLE}")
    return erased


def _records(stream: Stream, source: Source) -> str:
    """The CTE ``records``: fields as delivered and typed, with file, site and payload."""
    if source.is_parsed_once:
        typed = f"select * from {PARSED_TABLE}"
    else:
        typed = f"select source.*, {source.payload} as payload{_typings(stream, source)} from ({source.sql}) as source"
    return f"""records as (
            select typed.*, f.load_date, f.name, z.timezone as zone
            from ({typed}) as typed
            inner join {FILES_TABLE} as f on f.file = typed.file
            left join raw.sites as z on z.site_id = typed.{rules.given(stream["site_id"])}
        )"""


def _typings(stream: Stream, source: Source) -> str:
    typings = {f: rules.typing(f, source.types[f.name]) for f in stream.fields}
    return "".join(f", {sql} as {rules.typed(f)}" for f, sql in typings.items() if sql)


def _parsing(stream: Stream, source: Source) -> str:
    values = ", ".join(rules.given(f) for f in stream.fields)
    return f"""
        select file, line, structural, {values}, {source.payload} as payload{_typings(stream, source)}
        from ({source.sql}) as source"""


def _noting(stream: Stream, source: Source) -> str:
    faults = rules.faults(stream, source.types, source.absent)
    texts = rules.open_texts(stream, source.absent)
    if source.is_parsed_once:  # one look at all values of a record; in Parquet most columns are looked at by dictionary
        looks = f"""worded as (select *, concat_ws(' ', {", ".join(texts)}) as open_text from records),
        looked_at as (select * exclude (open_text), {rules.suspect("open_text")} as is_suspect from worded)"""
    else:
        suspects = " or ".join(map(rules.suspect, texts))
        looks = f"looked_at as (select *, coalesce({suspects}, false) as is_suspect from records)"
    return f"""
        with {_records(stream, source)},
        {looks},
        judged as (select file, line, {rules.first_fault(faults)} as fault, is_suspect from looked_at)
        select file, line, fault, is_suspect from judged where fault is not null or is_suspect"""


def _accepting(stream: Stream, source: Source, *, is_noted: bool) -> str:
    moment = rules.typed(stream[stream.time_field])
    kept = {f.column: rules.kept(f, may_be_suspect=is_noted) for f in stream.fields}
    kept |= {
        "event_date": f"coalesce(({moment} + utc_offset)::date, timezone(zone, timezone('UTC', {moment}))::date)",
        "load_date": "load_date",
        "file": "name",
        "line": "r.line",
        "payload": "null" if source.payload == "null::varchar" else "perso_mask_json(payload)",
    }
    kept |= {f.column: "null" for f in stream.fields if f.name in source.absent}
    agents = ""
    site = rules.given(stream["site_id"])
    joins = f"left join {LOCAL_DAYS_TABLE} as d on d.site_id = r.{site} and d.day = r.{moment}::date"
    if stream.name in ROBOT_STREAMS:
        kept["is_robot"] = "false"
        if "user_agent" not in source.absent:
            # Few agents, many records: this costs a fiftieth of judging each record's agent.
            agents = f"""agents as materialized ({_agents(stream, source)}),
        known_agents as materialized (
            select agent, perso_mask_text(agent) as masked_agent, {robot_condition("agent")} as is_robot from agents
        ),"""
            joins += f" left join known_agents as a on a.agent = r.{rules.given(stream['user_agent'])}"
            kept |= {"user_agent": "masked_agent", "is_robot": "coalesce(is_robot, false)"}
    accepted = ""
    if is_noted:
        joins += f" left join {NOTES_TABLE} as n on n.file = r.file and n.line = r.line"
        accepted = "where n.fault is null"
    columns = ", ".join(f'"{column}"' for column in kept)
    return f"""
        insert into raw.{stream.name} ({columns})
        with {agents} {_records(stream, source)}
        select {", ".join(kept.values())} from records as r {joins} {accepted}"""


def _agents(stream: Stream, source: Source) -> str:
    if source.is_parsed_once:
        return f"select distinct {rules.given(stream['user_agent'])} as agent from {PARSED_TABLE}"
    return source.agents


def _rejecting(stream: Stream, source: Source) -> str:
    faults = rules.faults(stream, source.types, source.absent)
    lines, joins = "", ""
    if source.is_parsed_once:
        lines = ", l.body, try(decode(l.body)) as delivered"
        joins = f"inner join {LINES_TABLE} as l on l.file = r.file and l.line = r.line"
    return f"""
        insert into raw.rejected_records
        with {_records(stream, source)},
        faulty as (
            select r.*, n.fault{lines}
            from records as r
            inner join {NOTES_TABLE} as n on n.file = r.file and n.line = r.line
            {joins}
            where n.fault is not null
        ),
        quoted as (select *, {rules.quotation(faults)} as quotation from faulty),
        told as (select *, {rules.shown("quotation")} as shown, {source.text} as text from quoted),
        reasoned as (select *, {rules.reason(faults)} as reason from told)
        select load_date, $stream, name, line, {_masked(stream, "reason")}, {_masked(stream, "text")} from reasoned"""


def _masked(stream: Stream, text: str) -> str:
    """Records that could not be taken apart get the strict mask where the stream has contact fields."""
    if any(f.privacy is Privacy.HASHED for f in stream.fields):
        return f"case when structural is null then perso_mask_all({text}) else perso_mask_strict({text}) end"
    return f"perso_mask_all({text})"
