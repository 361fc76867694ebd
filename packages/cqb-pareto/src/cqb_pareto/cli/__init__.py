"""The command `cqb-pareto`: a verb a file."""

from cqb_pareto.cli.main import app

__all__ = ["app"]
