"""Metric against cost, a curve a method (Fig. 5)."""

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from cqb_bench.entries import BASELINE, UPPER
from cqb_bench.method import Task
from cqb_bench.results import Standing, is_ours, title_of
from cqb_bench.tasks import TASKS
from cqb_core import InputError
from cqb_core.files import replacing

SUFFIXES = (".png", ".svg", ".pdf")
INCHES = (5.0, 4.8)
"""Width and height of a panel."""

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Told apart by the colour-blind (Okabe and Ito 2008), in turn for the methods."""

MARKERS = ("s", "^", "D", "v", "P", "X")


def require_plottable(path: str | PathLike[str]) -> None:
    """Check that a file has the name of a picture.

    Raises:
        InputError: naming the endings that there are.
    """
    if Path(path).suffix.lower() not in SUFFIXES:
        raise InputError(path, "ending", f"one of {', '.join(SUFFIXES)}", Path(path).suffix or "none")


def draw(results: Mapping[Task, Sequence[Standing]]) -> Figure:
    """A panel a task; whiskers reach from the lowest to the highest seed."""
    figure = Figure(figsize=(INCHES[0] * len(results), INCHES[1]), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(results), squeeze=False)[0]
    for axes, (task, standings) in zip(panels, results.items(), strict=True):
        _panel(axes, task, standings)
    return figure


def write_plot(results: Mapping[Task, Sequence[Standing]], path: str | PathLike[str]) -> None:
    """Draw into a PNG, SVG or PDF file, which appears whole or not at all.

    Raises:
        InputError: for another ending, or a place that cannot be written.
    """
    require_plottable(path)
    with replacing(path) as temporary:
        draw(results).savefig(temporary, dpi=150)


def _panel(axes: Axes, task: Task, standings: Sequence[Standing]) -> None:
    names = dict.fromkeys(standing.method for standing in standings)
    ordered = sorted(names, key=lambda name: (name in (BASELINE, UPPER), not is_ours(name), name))
    looks = zip(COLOURS * len(names), MARKERS * len(names), strict=True)
    for name in ordered:
        look = {BASELINE: ("0.45", "o"), UPPER: ("0.7", "o")}.get(name) or next(looks)
        points = sorted((each for each in standings if each.method == name), key=lambda each: each.cost)
        _curve(axes, name, points, *look)
    axes.set(title=task, xlabel="cost (fully labelled images per image)", ylabel=TASKS[task].title)
    axes.set_ylim(bottom=max(0.0, axes.get_ylim()[0]))
    axes.grid(alpha=0.3)
    # Below the panel, where it hides no point.
    axes.legend(fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=2, frameon=False)


def _curve(axes: Axes, name: str, points: Sequence[Standing], colour: str, marker: str) -> None:
    means = [point.mean for point in points]
    # Never below 0, where the mean of equal numbers is off by a rounding.
    below = [max(0.0, point.mean - min(point.values.values())) for point in points]
    above = [max(0.0, max(point.values.values()) - point.mean) for point in points]
    axes.errorbar(
        [point.cost for point in points],
        means,
        yerr=[below, above],
        label=f"{title_of(name)} (ours)" if is_ours(name) else title_of(name),
        color=colour,
        marker=marker,
        linestyle="--" if name in (BASELINE, UPPER) else "-",
        linewidth=2.5 if is_ours(name) else 1.2,
        capsize=3,
    )
