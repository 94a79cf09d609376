{{ scenario_claims('click_30_minutes', "touch_type = 'click' and seconds_before <= 30 * 60") }}
