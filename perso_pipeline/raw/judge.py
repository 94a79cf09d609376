"""One query from a ``Source`` to judged records: typed, checked against the contract, freed of contact details.

Keep files, transactions and tables out (``load``).
"""

import duckdb

from perso_pipeline.contracts.streams import Privacy, Stream
from perso_pipeline.raw import rules
from perso_pipeline.raw.robots import robot_condition
from perso_pipeline.raw.sources import FILES_TABLE, Source
from perso_pipeline.raw.tables import ROBOT_STREAMS

CHUNK_TABLE = "judged_records"


def judge(connection: duckdb.DuckDBPyConnection, stream: Stream, source: Source) -> None:
    """Fill the temporary ``judged_records``: the columns of ``raw.<stream>``, ``reason`` and ``text``.

    ``reason`` is NULL for accepted records, ``text`` for them too. Needs ``raw.sites``, ``incoming_files``
    and the macros of ``privacy``.
    """
    connection.execute(
        f"create or replace temp table {CHUNK_TABLE} as {judging_query(stream, source)}", source.parameters
    )


def judging_query(stream: Stream, source: Source) -> str:
    typings = {f: rules.typing(f, source.types[f.name]) for f in stream.fields}
    typed = "".join(f", {sql} as {rules.typed(f)}" for f, sql in typings.items() if sql)
    kept = {f.column: rules.kept(f) for f in stream.fields}
    moment = rules.typed(stream[stream.time_field])
    kept |= {
        "event_date": f"case when reason is null then timezone(zone, timezone('UTC', {moment}))::date end",
        "load_date": "load_date",
        "file": "name",
        "line": "line",
        "payload": "perso_mask_json(payload)",
    }
    agents, agents_join, agents_columns = "", "", ""
    if stream.name in ROBOT_STREAMS:
        agent = rules.given(stream["user_agent"])
        kept["is_robot"] = robot_condition(agent)
        if source.agents:
            # Few agents, many records: in Parquet this costs a fiftieth of judging each record's agent.
            agents = f"""agents as materialized ({source.agents}),
        known_agents as materialized (
            select agent, perso_mask_text(agent) as masked_agent, {robot_condition("agent")} as is_robot from agents
        ),"""
            agents_join = f"left join known_agents as a on a.agent = {agent}"
            agents_columns = ", a.masked_agent, a.is_robot"
            kept |= {"user_agent": "masked_agent", "is_robot": "coalesce(is_robot, false)"}
    columns = ", ".join(f'{sql} as "{column}"' for column, sql in kept.items())
    return f"""
        with {agents}
        source as ({source.sql}),
        typed as (
            select source.*, {source.payload} as payload{typed} from source
        ),
        placed as (
            select typed.*, f.load_date, f.name, z.timezone as zone{agents_columns},
                {rules.open_text(stream)} as open_text
            from typed
            inner join {FILES_TABLE} as f on f.file = typed.file
            left join raw.sites as z on z.site_id = {rules.given(stream["site_id"])}
            {agents_join}
        ),
        looked_at as (
            select * exclude (open_text), {rules.suspect("open_text")} as is_suspect from placed
        ),
        judged as (
            select *, {rules.reason(stream, "zone")} as reason from looked_at
        )
        select {columns},
            case when reason is not null then {_masked(stream, "reason")} end as reason,
            case when reason is not null then {_masked(stream, source.text)} end as text
        from judged"""


def _masked(stream: Stream, text: str) -> str:
    """Records that could not be taken apart get the strict mask where the stream has contact fields."""
    if any(f.privacy is Privacy.HASHED for f in stream.fields):
        return f"case when structural is null then perso_mask_all({text}) else perso_mask_strict({text}) end"
    return f"perso_mask_all({text})"
