{{ visit_claims('first', '0', 'case when place = 1 then 1 else 0 end', '1') }}
