"""What people will do, in numbers: value, churn and conversion, trained, judged and scored.

Reads profiles and facts; profiles know nothing of it. Dagster stays in ``profiles.assets``.
"""
