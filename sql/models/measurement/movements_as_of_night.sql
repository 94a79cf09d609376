{{ config(materialized='ephemeral') }}

{{ movements_known_on(night_literal()) }}
