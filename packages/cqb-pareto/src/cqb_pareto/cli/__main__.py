"""`python -m cqb_pareto.cli`: the command without its script."""

from cqb_pareto.cli.main import app

if __name__ == "__main__":
    app()
