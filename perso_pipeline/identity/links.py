"""From edges to links: which edges join, from which night and until when.

An edge joins from the night it became known on until one of its ends stops taking it. An end's view of its edges
depends on its own edges only, so a night decides anew at the ends of its new edges and leaves the rest as it is. Edges
are never unlearnt, so what an end refuses it never takes back: a link has one stretch of nights. Keep components out.
"""

import duckdb
import pyarrow as pa

from perso_pipeline.identity.config import IdentityRules

_KEY = "(identifier, other_identifier, edge_type)"

# edges that may join at all; the temporary tables are those of _register_rules
_TRUSTED = """
    create or replace temp table trusted as
    select e.identifier, e.other_identifier, e.edge_type, trust.confidence, e.known_on, e.first_known_at,
        {is_one_changed} as is_one_changed, {is_other_changed} as is_other_changed
    from identity.identity_edges as e
    join trust using (edge_type)
    where trust.confidence >= $least and (is_one_changed or is_other_changed)
        and e.identifier not in (from alone) and e.other_identifier not in (from alone)
        and (e.identifier, e.other_identifier) not in (select (one, other) from apart)"""
_EVERY_EDGE = _TRUSTED.format(is_one_changed="true", is_other_changed="true")
_EDGES_OF_CHANGED_ENDS = _TRUSTED.format(
    is_one_changed="e.identifier in (from changed_ends)", is_other_changed="e.other_identifier in (from changed_ends)"
)

_DECIDE = (
    # the same as each changed end sees them
    """
    create or replace temp table views as
    select identifier as end_, other_identifier as other, true as is_first,
        identifier, other_identifier, edge_type, confidence, known_on, first_known_at
    from trusted where is_one_changed
    union all
    select other_identifier, identifier, false,
        identifier, other_identifier, edge_type, confidence, known_on, first_known_at
    from trusted where is_other_changed
    """,
    # of two that are kept apart one gives way: the end counts whom it named first
    """
    create or replace temp table counting as
    with named as (
        select end_, other, min(known_on) as named_on from views group by end_, other
    ),
    pairs as (
        select one, other from apart union all select other, one from apart
    ),
    second as (
        select n.end_, n.other
        from named as n
        join pairs as p on p.one = n.other
        join named as first on first.end_ = n.end_ and first.other = p.other
        where (first.named_on, first.other) < (n.named_on, n.other)
    )
    from views where (end_, other) not in (from second)
    """,
    """
    create or replace temp table crowds as
    with counted as (
        select v.end_, l.others as kind, l.at_most, count(distinct v.other) as others
        from counting as v
        join limits as l on starts_with(v.end_, l.identifier || ':') and starts_with(v.other, l.others || ':')
        group by all
        having count(distinct v.other) > l.at_most
    ),
    nights as (
        select c.end_, c.kind, c.at_most, c.others, min(v.known_on) as known_on
        from counted as c
        join counting as v on v.end_ = c.end_ and starts_with(v.other, c.kind || ':')
        group by c.end_, c.kind, c.at_most, c.others, v.other
    ),
    ranked as (
        select *, row_number() over (partition by end_, kind order by known_on) as place from nights
    )
    select end_ as identifier, kind, at_most, others, known_on from ranked where place = at_most + 1
    """,
    """
    create or replace temp table untils as
    with ranked as (
        select end_, is_first, identifier, other_identifier, edge_type,
            min(known_on) over (
                partition by end_ order by confidence desc, known_on, first_known_at, other, edge_type
                rows between unbounded preceding and 1 preceding
            ) as better_on
        from views
        where split_part(end_, ':', 1) in (from belongs_to_one)
    ),
    crowded as (select identifier as end_, min(known_on) as crowded_on from crowds group by all)
    select v.is_first, v.identifier, v.other_identifier, v.edge_type, least(r.better_on, c.crowded_on) as until
    from views as v
    left join ranked as r using (end_, is_first, identifier, other_identifier, edge_type)
    left join crowded as c using (end_)
    where r.better_on is not null or c.crowded_on is not null
    """,
    """
    create or replace temp table old_links as
    from identity.identity_links
    where identifier in (from changed_ends) or other_identifier in (from changed_ends)
    """,
    # an end that did not change sees its edges as before
    f"""
    create or replace temp table new_links as
    with untold as (
        select t.*,
            case when is_one_changed then one.until else old_links.identifier_until end as identifier_until,
            case when is_other_changed then other.until else old_links.other_until end as other_until
        from trusted as t
        left join (from untils where is_first) as one using {_KEY}
        left join (from untils where not is_first) as other using {_KEY}
        left join old_links using {_KEY}
    )
    select identifier, other_identifier, edge_type, confidence, known_on,
        case
            when coalesce(identifier_until, other_until) is not null
                then greatest(known_on, least(identifier_until, other_until))
        end as void_on,
        first_known_at, identifier_until, other_until
    from untold
    """,
)  # fmt: skip

_COMPARE = """
    create or replace temp table changed_links as
    with before as (
        select identifier, other_identifier, confidence, known_on, void_on from old_links
        where void_on is null or void_on > known_on
    ),
    after as (
        select identifier, other_identifier, confidence, known_on, void_on from new_links
        where void_on is null or void_on > known_on
    )
    (from before except from after) union all (from after except from before)"""

_KEEP = (
    """
    delete from identity.identity_links
    where identifier in (from changed_ends) or other_identifier in (from changed_ends)
    """,
    "insert into identity.identity_links by name from new_links",
    "delete from identity.identity_guards where identifier in (from changed_ends)",
    """
    insert into identity.identity_guards by name
    select c.identifier, split_part(c.identifier, ':', 1) as identifier_type,
        'more than ' || c.at_most || ' ' || c.kind || 's' as reason,
        c.others, count(distinct v.other) filter (starts_with(v.other, 'customer:')) as customers, c.known_on
    from crowds as c
    join views as v on v.end_ = c.identifier
    group by c.identifier, c.kind, c.at_most, c.others, c.known_on
    """,
)  # fmt: skip


def renew_links(connection: duckdb.DuckDBPyConnection, rules: IdentityRules, *, is_whole: bool) -> None:
    """Decide anew on every edge of the temporary table ``changed_ends``, or on every edge there is.

    Leaves the links that are not as they were in ``changed_links``, unless everything is decided anew.
    """
    _register_rules(connection, rules)
    edges = _EVERY_EDGE if is_whole else _EDGES_OF_CHANGED_ENDS
    connection.execute(edges, {"least": rules.least_trust})
    for statement in (*_DECIDE, *_KEEP) if is_whole else (*_DECIDE, _COMPARE, *_KEEP):
        connection.execute(statement)


def _register_rules(connection: duckdb.DuckDBPyConnection, rules: IdentityRules) -> None:
    """The rules as small temporary tables, so that no word of the config stands in SQL."""
    text = pa.string()
    trust = rules.trust.model_dump()
    tables = {
        "trust": {"edge_type": pa.array(list(trust), text), "confidence": pa.array(list(trust.values()), pa.float64())},
        "limits": {
            "identifier": pa.array([limit.identifier.value for limit in rules.limits], text),
            "others": pa.array([limit.others.value for limit in rules.limits], text),
            "at_most": pa.array([limit.at_most for limit in rules.limits], pa.int64()),
        },
        "belongs_to_one": {"kind": pa.array([kind.value for kind in rules.belongs_to_one], text)},
        "alone": {"identifier": pa.array(rules.alone, text)},
        "apart": {
            "one": pa.array([pair[0] for pair in rules.apart], text),
            "other": pa.array([pair[1] for pair in rules.apart], text),
        },
    }
    for name, columns in tables.items():
        connection.register("given_rules", pa.table(columns))
        connection.execute(f"create or replace temp table {name} as from given_rules")
        connection.unregister("given_rules")
