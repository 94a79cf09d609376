{{ config(meta={'replaced_rows': 'edges'}, contract={'enforced': true}) }}

with evidence as (
    select * from {{ ref('identity_evidence') }}
    {%- if execute and is_incremental() %}
    where (identifier, other_identifier, edge_type) in (
        select identifier, other_identifier, edge_type from {{ ref('identity_evidence') }}
        where {{ in_touched_days('event_date', evidence_streams()) }}
        union
        select identifier, other_identifier, edge_type from {{ this }}
        where {{ in_nights('known_on') }}
    )
    {%- endif %}
)

select
    identifier,
    other_identifier,
    edge_type,
    min(known_on) as known_on,
    min_by(first_seen_at, row(known_on, first_seen_at)) as first_known_at
from evidence
group by identifier, other_identifier, edge_type
