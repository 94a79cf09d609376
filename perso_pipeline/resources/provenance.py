"""What a run was computed with: the commit and the packages. What it was computed from is said by its caller."""

import importlib.metadata
import platform
import shutil
import subprocess

from perso_pipeline.settings import PROJECT_ROOT

_PACKAGES = ("numpy", "scipy", "implicit", "scikit-learn", "sparse-dot-topn", "mlflow", "duckdb")


def environment_tags() -> dict[str, str]:
    """Source, commit and versions as tags of a run, the first two under MLflow's own names."""
    found = {
        "mlflow.source.name": "perso_pipeline",
        "mlflow.source.type": "JOB",
        "mlflow.source.git.commit": code_version(),
        "perso.env.python": platform.python_version(),
    }
    for package in _PACKAGES:
        found[f"perso.env.{package}"] = importlib.metadata.version(package)
    return found


def code_version() -> str:
    """Git commit of the checkout, or the version of the installed package."""
    git = shutil.which("git")
    if git and (PROJECT_ROOT / ".git").exists():
        asked = subprocess.run(  # noqa: S603  # fixed arguments
            [git, "rev-parse", "--verify", "HEAD"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False
        )
        if asked.returncode == 0:
            return asked.stdout.strip()
    try:
        return importlib.metadata.version("perso-pipeline")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
