{{ visit_claims('last', '0', 'case when place = places then 1 else 0 end', '1') }}
