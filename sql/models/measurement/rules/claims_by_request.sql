{{ scenario_claims('request', "touch_type = 'request'") }}
