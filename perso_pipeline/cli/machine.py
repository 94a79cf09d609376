"""Commands about the machine that an installation stands on: start what people look at, look for what is amiss."""

import typer
from rich.table import Table

from perso_pipeline.cli.terminal import family, out, say
from perso_pipeline.settings import Settings

commands = family()


@commands.command()
def up(dagster_port: int = 3000, mlflow_port: int = 5000, api_port: int = 8000) -> None:
    """Start the Dagster UI, the MLflow UI and the API on this machine."""
    from perso_pipeline.operation.servers import run_servers, servers

    settings = Settings()
    wanted = servers(settings, dagster_port=dagster_port, mlflow_port=mlflow_port, api_port=api_port)
    run_servers(settings, wanted, say=say)


@commands.command()
def doctor() -> None:
    """Look for what would make a night fail, with the mend for each finding."""
    from perso_pipeline.operation.config import CONFIG_READERS, config_warnings
    from perso_pipeline.operation.doctor import Verdict, examine

    findings = examine(Settings(), config_readers=CONFIG_READERS, config_warnings=config_warnings)
    table = Table("", "", "", show_header=False, box=None)
    marks = {Verdict.GOOD: "[green]good[/]", Verdict.WARNING: "[yellow]look[/]", Verdict.BAD: "[red]bad[/]"}
    for finding in findings:
        table.add_row(marks[finding.verdict], finding.topic, finding.text)
    out.print(table)
    if any(finding.verdict is Verdict.BAD for finding in findings):
        raise typer.Exit(1)
