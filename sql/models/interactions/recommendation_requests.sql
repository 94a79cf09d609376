{{ config(materialized='view') }}

-- A view of served_lists by slot: eleven million slots hold nothing that a million and a half lists do not, and
-- writing them cost a third of the whole way from landing to here.
with slots as (
    select
        *,
        {{ with_position('item_ids', 'item_id', 'slot') }}
    from {{ ref('served_lists') }}
),

-- an item that stands in a list twice answers for its first slot
answers as (
    select
        *,
        {{ position_in('item_ids', 'item_id') }} = slot as is_answering,
        {{ position_in('ordered_item_ids', 'item_id') }} as place_in_order
    from slots
)

select
    request_id,
    slot,
    site_id,
    scenario_id,
    variant,
    {{ identifier() }} as identifier,
    visitor_id,
    customer_id,
    item_id,
    context_item_id,
    model_version,
    served_at,
    event_date,
    is_answering and (is_all_rendered or {{ is_in('rendered_item_ids', 'item_id') }}) as is_rendered,
    is_answering and (is_all_viewed or {{ is_in('viewed_item_ids', 'item_id') }}) as is_viewed,
    is_answering and {{ is_in('clicked_item_ids', 'item_id') }} as is_clicked,
    is_answering and {{ is_in('carted_item_ids', 'item_id') }} as is_carted,
    is_answering and {{ is_in('ordered_item_ids', 'item_id') }} as is_ordered,
    case when is_answering and place_in_order >= 1 then {{ value_at('ordered_quantities', 'place_in_order') }} else 0 end
        as ordered_quantity,
    cast(
        case when is_answering and place_in_order >= 1 then {{ value_at('ordered_amounts', 'place_in_order') }} else 0 end
        as decimal(18, 4)
    ) as ordered_amount,
    is_robot,
    known_on
from answers
