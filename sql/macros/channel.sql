{#-
  Traffic channel of a session, version 1: the order and meaning of GA4's default channel group in short.
  A named campaign decides before the referrer; what fits no rule is 'other', and no sign at all is 'direct'.
-#}
{% macro channel(source, medium, campaign, click_id, referrer, url) -%}
  {%- set social = "facebook|instagram|tiktok|pinterest|linkedin|twitter|snapchat|reddit|youtube|^fb$|^ig$|^x$|^t\\.co$" -%}
  {%- set search = "google|bing|duckduckgo|yahoo|ecosia|baidu|yandex|qwant|startpage" -%}
  case
    when {{ matches(click_id, '^(awc|irclickid|cjevent):') }} or {{ matches(medium, '^affiliates?$') }} then 'affiliate'
    when {{ matches(click_id, '^dclid:') }} or {{ matches(medium, '^(display|banner|cpm|expandable|interstitial)$') }}
      then 'display'
    when {{ matches(medium, '^(paid[-_ ]?social|social[-_ ]?paid)$') }} then 'paid_social'
    when {{ matches(medium, '^(cpc|ppc|retargeting|paid.*)$') }} and {{ matches(source, social) }} then 'paid_social'
    when {{ matches(medium, '^(cpc|ppc|retargeting|paid.*)$') }} then 'paid_search'
    when {{ matches(click_id, '^(gclid|gbraid|wbraid|msclkid):') }} then 'paid_search'
    when {{ matches(medium, '^(e[-_ ]?mail|newsletter)$') }} or {{ matches(source, '^(e[-_ ]?mail|newsletter)$') }} then 'email'
    when {{ matches(medium, '^(social.*|sm)$') }} or {{ matches(click_id, '^(fbclid|ttclid):') }} then 'social'
    when {{ matches(medium, '^organic$') }} then 'organic_search'
    when {{ matches(medium, '^(referral|link|app)$') }} then 'referral'
    when {{ medium }} is null and {{ matches(source, social) }} then 'social'
    when coalesce({{ source }}, {{ medium }}, {{ campaign }}, {{ click_id }}) is not null then 'other'
    when {{ host_of(referrer) }} is null or {{ host_of(referrer) }} = {{ host_of(url) }} then 'direct'
    when {{ matches(host_of(referrer), '(^|\\.)(mail|outlook|webmail)\\.') }} then 'email'
    when {{ matches(host_of(referrer), '(^|\\.)(' ~ search ~ ')\\.') }} then 'organic_search'
    when {{ matches(host_of(referrer), '(^|\\.)(facebook|instagram|tiktok|pinterest|linkedin|twitter|x|snapchat|reddit|youtube|t)\\.(com|co|net)$') }}
      then 'social'
    else 'referral'
  end
{%- endmacro %}

{#- Kind of device, from the words that browsers put into their user agent. -#}
{% macro device_type(user_agent) -%}
  case
    when {{ user_agent }} is null then 'unknown'
    when {{ matches(user_agent, '(ipad|tablet|kindle|silk)') }} then 'tablet'
    when {{ matches(user_agent, 'android') }} and not {{ matches(user_agent, 'mobile') }} then 'tablet'
    when {{ matches(user_agent, '(mobile|iphone|ipod|android)') }} then 'mobile'
    when {{ matches(user_agent, '(windows|macintosh|x11|linux|cros)') }} then 'desktop'
    else 'other'
  end
{%- endmacro %}
