"""Stands in for dbt's namespace of cross-database macros while sqlfluff lints; the SQL is never run."""

# ruff: noqa: INP001, ARG001 -- no package, and the arguments are dbt's


def dateadd(datepart: str, interval: object, from_date_or_timestamp: str) -> str:
    return f"{from_date_or_timestamp} + {interval}"


def datediff(first_date: str, second_date: str, datepart: str) -> str:
    return f"{second_date} - {first_date}"
