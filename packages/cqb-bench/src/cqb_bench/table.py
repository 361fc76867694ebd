"""The results of a task as a table that says where another method beats CQB-Net's own."""

from collections.abc import Sequence
from statistics import mean

from rich.table import Table

from cqb_bench.entries import BASELINE
from cqb_bench.method import Task
from cqb_bench.results import Standing, find, is_ours, rivals
from cqb_bench.tasks import TASKS

COLUMNS = ("panoptic", "rest", "cost", "method", "metric", "spread", "seeds", "to baseline", "to ours")


def rows(standings: Sequence[Standing]) -> list[list[str]]:
    """The cells of every standing, in the order of `COLUMNS`.

    Differences are the mean over the seeds that both have; `>` marks a method that is not ours and `ahead` of ours.
    """
    return [_cells(standing, standings) for standing in standings]


def rich_table(task: Task, standings: Sequence[Standing]) -> Table:
    """For a terminal, a section a share."""
    table = Table(title=f"{task}, {TASKS[task].title}", caption="\n".join(verdicts(standings)), caption_justify="left")
    for column in _header(task):
        table.add_column(column, justify="left" if column == "method" else "right")
    shares = [standing.share for standing in standings]
    for cells, share, following in zip(rows(standings), shares, [*shares[1:], None], strict=True):
        table.add_row(*cells, end_section=share != following)
    return table


def markdown(task: Task, standings: Sequence[Standing]) -> str:
    """For a README, with the verdicts below."""
    header = _header(task)
    lines = [header, ["---"] * len(header), *rows(standings)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return "\n\n".join([table, *verdicts(standings)])


def verdicts(standings: Sequence[Standing]) -> list[str]:
    """For each share, which methods of others beat ours and by how much, or that none does."""
    lines = []
    for share in dict.fromkeys(standing.share for standing in standings):
        here = [standing for standing in standings if standing.share == share]
        for ours in (standing for standing in here if is_ours(standing.method)):
            lines.append(f"{share:g} panoptic: {_verdict(ours, rivals(here))}")
    return lines


def _verdict(ours: Standing, others: Sequence[Standing]) -> str:
    compared = {other.title: other.above(ours) for other in others}
    better = [
        f"{title} by {mean(gains):.1f} (ahead in {sum(gain > 0 for gain in gains)} of {len(gains)} seeds)"
        for title, gains in compared.items()
        if ahead(gains)
    ]
    if not compared:
        return f"nothing to compare {ours.title} with"
    return f"{ours.title} is beaten by {', '.join(better)}" if better else f"no other method beats {ours.title}"


def ahead(gains: Sequence[float]) -> bool:
    """Whether the mean of differences is above 0 in the one decimal that is shown; not without any."""
    return bool(gains) and round(mean(gains), 1) > 0


def _cells(standing: Standing, standings: Sequence[Standing]) -> list[str]:
    ours = next((each for each in standings if each.share == standing.share and is_ours(each.method)), None)
    baseline = find(standings, BASELINE, standing.share)
    to_ours = _difference(standing, ours)
    beats = ours is not None and rivals([standing]) and ahead(standing.above(ours))
    return [
        f"{standing.share:g}",
        standing.rest,
        f"{standing.cost:.3f}",
        f"{standing.title} (ours)" if is_ours(standing.method) else standing.title,
        f"{standing.mean:.1f}",
        "-" if standing.spread is None else f"{standing.spread:.1f}",
        str(len(standing.values)),
        _difference(standing, baseline),
        f"> {to_ours}" if beats else to_ours,
    ]


def _difference(standing: Standing, other: Standing | None) -> str:
    gains = [] if other is None or other is standing else standing.above(other)
    return f"{mean(gains):+.1f}" if gains else "-"


def _header(task: Task) -> list[str]:
    return [TASKS[task].title if column == "metric" else column for column in COLUMNS]
