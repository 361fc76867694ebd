"""`cqb-pareto fit`: how well each response explains the pilots."""

from cqb_pareto.cli.options import Kinds, PilotFile, kinds_of, pilots_of


def fit(pilots: PilotFile, kinds: Kinds = None) -> None:
    """Check a table of pilots, fit every response family and show their errors; the first of a branch is the choice."""
    from rich.console import Console
    from rich.table import Table

    from cqb_pareto.considered import considered
    from cqb_pareto.kinds import NONE, check_kinds
    from cqb_pareto.responses import observe, rank

    read = pilots_of(pilots)
    asked = kinds_of(kinds)
    chosen = considered(read) if asked is None else check_kinds(asked, read.full)
    labelled = ", ".join(kind for kind in chosen if kind != NONE)
    table = Table(title=f"{len(read.runs)} runs over {labelled}: error in PQ points")
    for column in ("branch", "response", "left-out allocation", "dear half", "score"):
        table.add_column(column, justify="left" if column in ("branch", "response") else "right")
    for branch in read.branches:
        for errors in rank(observe(read, branch, chosen)):
            numbers = (errors.leave_one_out, errors.extrapolation, errors.score)
            table.add_row(branch, errors.family, *(f"{number:.2f}" for number in numbers))
        table.add_section()
    Console().print(table)
