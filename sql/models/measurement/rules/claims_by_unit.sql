{{ scenario_claims('unit', "touch_type = 'click' and (is_same_item or is_same_family)") }}
