"""SQL of sources that name a submodel: which group answers whom, and the candidates under their group.

What the groups are and which of them are trained is told by ``models.submodels`` and ``models.submodel_members``;
``candidates`` builds the statement of a source from the pieces here.
"""

from collections.abc import Iterable
from datetime import date

from perso_pipeline.contracts.errors import ConfigError, nearest
from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.recommendations.levels import Source, Subject
from perso_pipeline.recommendations.scenarios import Scenario

# the champions' rows stand under '*'
CANDIDATES_OF_GROUPS = """(
            select f.site_id, f.task, f.subject_type, f.subject_id, f.item_id, f.score, m.model, m.version, '*' as key
            from champion_candidates as f
            join champions as m on m.maker = f.maker
            union all
            select site_id, task, subject_type, subject_id, item_id, score, model, version, submodel_group
            from models.candidates
            where night = $night and submodel = $submodel and subject_type in ('person', 'item')
        )"""

LISTS_OF_GROUPS = """
    select
        site_id, submodel_group as key, item_id, max(score)::double as score, max(model) as model,
        max(version) as version
    from models.candidates
    where night = $night and subject_type = 'anyone' and model = '{model}' and submodel in ('main', $submodel)
    group by site_id, submodel_group, item_id"""

# an item's own group before its owner's: a cart is filed under what most of its items are
_OWN_GROUP = """
        select subject_no, arg_max(submodel_group, (subject_type = 'item', members, submodel_group)) as submodel_group
        from (
            select o.subject_no, m.subject_type, m.submodel_group, count(*) as members
            from (
                select o.subject_no, o.site_id, 'item' as subject_type, x.item_id as subject_id
                from subjects as o
                join context_items as x on x.subject_no = o.subject_no
                union all
                select subject_no, site_id, 'person', person_id from subjects where may_personalize
            ) as o
            join models.submodel_members as m
                on m.night = $night and m.submodel = $submodel and m.site_id = o.site_id
                and m.subject_type = o.subject_type and m.subject_id = o.subject_id
            group by o.subject_no, m.subject_type, m.submodel_group
        )
        group by subject_no"""
_OF_SEGMENT = "select subject_no, subject_id as submodel_group from subjects"
_FIXED = "select subject_no, $submodel_group as submodel_group from subjects"


def groups_sql(source: Source, subject: Subject) -> str:
    """``groups(subject_no, key, note)``: the group that answers each subject of a part, '*' for the main model.

    The main model answers where the subject is in no group and where the group's ``answers_with`` says so. A
    subject without a row gets nothing from this source. The group of a segment is the one of its name.
    """
    own = _OF_SEGMENT if subject is Subject.SEGMENT else _OWN_GROUP
    return f"""
groups as materialized (
    select
        o.subject_no,
        case when s.answers_with = 'submodel' then s.submodel_group else '*' end as key,
        case when s.answers_with = 'submodel' then 'submodel:' || s.submodel || '=' || s.submodel_group end as note
    from subjects as o
    left join ({own if source.group is None else _FIXED}
    ) as g on g.subject_no = o.subject_no
    left join models.submodels as s
        on s.night = $night and s.site_id = o.site_id and s.submodel = $submodel
        and s.submodel_group = g.submodel_group
    where s.answers_with is distinct from 'nothing'
)"""


def check_submodels(warehouse: Warehouse, scenarios: Iterable[Scenario], *, night: date) -> None:
    """Every submodel that a level names, and every group it fixes, stands in the night's ``models.submodels``.

    Raises:
        ConfigError: one does not; without this its level would be the main model's, unseen.
    """
    named = [(s.id, source.submodel, source.group) for s in scenarios for source in s.sources if source.submodel]
    if not named:
        return
    rows = warehouse.query(
        "select distinct submodel, submodel_group from models.submodels where night = $night order by all",
        {"night": night},
    ).to_pylist()
    groups: dict[str, set[str]] = {}
    for row in rows:
        groups.setdefault(row["submodel"], set()).add(row["submodel_group"])
    for scenario_id, submodel, group in named:
        if submodel not in groups:
            hint = nearest(submodel, groups)
            msg = f"scenarios.yml: scenario '{scenario_id}' names submodel '{submodel}', not in models.yml{hint}."
            raise ConfigError(msg)
        if group is not None and group not in groups[submodel]:
            hint = nearest(group, groups[submodel])
            msg = f"scenarios.yml: scenario '{scenario_id}': submodel '{submodel}' has no group '{group}'{hint}."
            raise ConfigError(msg)
