"""`cqb-pareto paper`: the paper's tables beside what its equations give."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import rich.table


def paper(
    out: Annotated[Path | None, typer.Option(help="Write a report with the O and R allocations on the front.")] = None,
    png: Annotated[Path | None, typer.Option(help="Write that front as a PNG.")] = None,
) -> None:
    """Tables 1 and 2 of the paper, the front computed from Table 2 alone, and what does and does not reproduce."""
    from rich.console import Console

    console = Console(width=160)
    for table in (_costs(), _gains(), _equation8(), _rankings()):
        console.print(table)
    for line in _findings():
        console.print(line, soft_wrap=True, markup=False, highlight=False)
    if out is not None or png is not None:
        _write(out, png)


def _table(title: str, *columns: str) -> "rich.table.Table":
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for i, column in enumerate(columns):
        table.add_column(column, justify="right" if i else "left")
    return table


def _costs() -> "rich.table.Table":
    from cqb_pareto.paper import costs, predictions, table1, undominated

    rows = table1()
    lists = ("paper-text", "paper-table1")
    cost, stays = [costs(name) for name in lists], [undominated(name) for name in lists]
    predicted = predictions()
    table = _table(
        "Table 1: cost by Eq. 2 (* not dominated among the O rows, by measured PQ), and PQ predicted from Table 2",
        *("row", "P", "I", "B", "S", "printed f2", "B = 0.03", "B = 0.30", "PQ", *predicted),
    )
    for r, name in enumerate(rows.names):
        priced = [f"{c[r]:.3f}{'*' if s[r] else ' '}" for c, s in zip(cost, stays, strict=True)]
        guesses = [f"{values[r]:.1f}" for values in predicted.values()]
        shares = [f"{share:.3f}" for share in rows.shares[r]]
        table.add_row(name, *shares, f"{rows.f2[r]:.3f}", *priced, f"{rows.pq[r]:.1f}", *guesses)
    return table


def _gains() -> "rich.table.Table":
    from cqb_pareto.paper import gains

    table = _table(
        "Table 2: gain by Eq. 6 (module / baseline - 1), and costs by Eq. 2 beside those printed",
        *("module", "branch", "rho_P", "baseline", "module", "upper", "gain", "cost by Eq. 2", "printed cost"),
    )
    for gain in gains():
        cost, printed = (" ".join(f"{c:.2f}" for c in row) for row in (gain.costs, gain.printed))
        quality = [f"{q:.1f}" for q in (gain.baseline, gain.with_module, gain.upper)]
        table.add_row(gain.module, gain.branch, f"{gain.share:g}", *quality, f"{gain.gain:.3f}", cost, printed)
    return table


def _equation8() -> "rich.table.Table":
    from cqb_pareto.paper import READINGS, equation9, table1

    rows = table1()
    values = [equation9(reading) for reading in READINGS]
    table = _table("f1: as printed, and from the printed Eq. 8 by Eq. 9", "row", "printed", *READINGS)
    for r, name in enumerate(rows.names):
        table.add_row(name, f"{rows.f1[r]:.3f}", *(f"{value[r]:.3f}" for value in values))
    return table


def _rankings() -> "rich.table.Table":
    from cqb_pareto.paper import highest, rankings

    table = _table(
        "Spearman's correlation with the measured PQ of Table 1 (predictions use Table 2 only)",
        *("prediction", "14 rows", "13 rows with f1", "O rows", "R rows"),
    )
    for score in (*rankings(), highest()):
        numbers = (score.all14, score.all13, score.optimal, score.chance)
        table.add_row(score.model, *(f"{number:.3f}" for number in numbers))
    return table


def _findings() -> list[str]:
    import numpy as np

    from cqb_pareto.paper import READINGS, costs, equation9, gains, highest, rankings, table1, undominated

    rows = table1()
    off = {name: np.abs(costs(name) - rows.f2) for name in ("paper-text", "paper-table1")}
    near = {name: int((values < 0.0015).sum()) for name, values in off.items()}
    wrong = {reading: float(np.nanmax(np.abs(equation9(reading) - rows.f1))) for reading in READINGS}
    table2 = max(abs(a - b) for gain in gains() for a, b in zip(gain.costs, gain.printed, strict=True))
    best = next(score for score in rankings() if not score.model.startswith(("f1", "Eq.")))
    lost = [n for n, o, s in zip(rows.names, rows.optimal, undominated("paper-text"), strict=True) if o and not s]
    return [
        f"Reproduces: Table 1's costs with B = 0.30 ({near['paper-table1']} of 14 rows within 0.0015, the worst "
        f"{off['paper-table1'].max():.3f} off); Table 2's costs with B = 0.03 (within {table2:.3f}).",
        f"Does not: Table 1's costs with the stated B = 0.03 ({near['paper-text']} of 14 rows within 0.0015, the worst "
        f"{off['paper-text'].max():.3f} off). Under that price {' and '.join(lost)} are dominated by other O rows.",
        f"Does not: f1 from the printed Eq. 8; the worst row is {wrong['evaluated']:.2f} off when its lines are "
        f"evaluated and {wrong['integrated']:.2f} when they are integrated.",
        f"Best of ours over the 13 rows: {best.model}, {best.all13:.3f}. Within the O rows and within the R rows the "
        f"order is right ({best.optimal:.3f}, {best.chance:.3f}); between the groups it is not, since R rows with more "
        f"of every costly label than an O row were measured lower. No response that never falls with richer labels can "
        f"exceed {highest().all13:.3f} over the 13 rows.",
    ]


def _write(out: Path | None, png: Path | None) -> None:
    from cqb_pareto.paper import KINDS, table1
    from cqb_pareto.pilots import paper_pilots
    from cqb_pareto.prices import named_prices
    from cqb_pareto.report import Mark, Page, write_front_png, write_report
    from cqb_pareto.study import study

    rows = table1()
    groups = [("O rows of Table 1", "#2a9d52", rows.optimal), ("R rows of Table 1", "#e07b00", ~rows.optimal)]
    marks = [
        Mark(label, colour, [n for n, k in zip(rows.names, kept, strict=True) if k], rows.shares[kept])
        for label, colour, kept in groups
    ]
    made = study(paper_pilots(), named_prices("paper-text"), budget=0.423, images=118_287, kinds=KINDS)
    page = Page.of(made, marks)
    if out is not None:
        typer.echo(f"Report written to {write_report(page, out)}")
    if png is not None:
        typer.echo(f"Front written to {write_front_png(page, png)}")
