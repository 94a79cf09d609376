-- 40 % to the first visit, 40 % to the last, the rest evenly between them; half each where there are only two
{{ visit_claims(
    'position',
    'case when places = 1 then 0 when places = 2 then place - 1 when place = 1 then 0 else 2 * (places - 2) + place - 2 end',
    'case when places = 1 then 1 when places = 2 then place when place = places then 5 * (places - 2) else 2 * (places - 2) + place - 1 end',
    'case when places = 1 then 1 when places = 2 then 2 else 5 * (places - 2) end'
) }}
