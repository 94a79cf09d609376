{{ visit_claims('linear', 'place - 1', 'place', 'places') }}
