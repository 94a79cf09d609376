{{ scenario_claims('click_7_days', "touch_type = 'click' and seconds_before <= 7 * 86400") }}
