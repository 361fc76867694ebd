"""Which state of the repository a measurement was taken of."""

import subprocess
from pathlib import Path


def commit() -> str:
    """The commit that is checked out, short."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True).stdout.strip()
