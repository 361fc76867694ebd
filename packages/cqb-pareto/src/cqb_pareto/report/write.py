"""A report as one self-contained HTML file, and the front as a PNG for papers."""

import io
import re
from importlib import resources
from os import PathLike
from pathlib import Path

from cqb_pareto.atomic import write_atomically
from cqb_pareto.report.page import Page


def write_report(page: Page, path: str | PathLike[str]) -> Path:
    """One HTML file that needs no network: data, script and plotly are inside. It appears whole or not at all."""
    from plotly.offline import get_plotlyjs

    files = resources.files("cqb_pareto.report")
    html, script = ((files / name).read_text(encoding="utf-8") for name in ("page.html", "page.js"))
    parts = {"__DATA__": page.to_json(), "__SCRIPT__": script, "__PLOTLY__": get_plotlyjs()}
    return write_atomically(path, re.sub("|".join(parts), lambda mark: parts[mark[0]], html))


def write_front_png(page: Page, path: str | PathLike[str], dpi: int = 300) -> Path:
    """The cloud of allocations, the front with its band, the plan and the marks (Fig. 1, left), 85 mm wide.

    Drawn by matplotlib, which pymoo brings.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.35, 2.6), dpi=dpi, layout="constrained")
    axes = figure.add_subplot()
    found, made = page.study.found, page.study.plan
    axes.plot(found.cost, found.quality, ".", ms=0.8, color="#b9c6d8", rasterized=True)
    low, high, dots = made.fronts.conservative, made.fronts.optimistic, "10th, 90th percentile of the response"
    for front, style, label in ((low, ":", None), (made.fronts.central, "-", "front"), (high, ":", dots)):
        axes.plot(*zip(*front, strict=True), style, lw=1, color="#1f5ea8", label=label)
    axes.plot(made.cost.relative.mid, made.pq.mid, "*", ms=9, color="#d1495b", label="plan")
    for mark in page.marks:
        pq = page.study.objectives.quality.predict(mark.shares)
        axes.plot(page.study.objectives.cost(mark.shares), pq, "D", ms=2.5, color=mark.color, label=mark.label)
    axes.set_xlabel("cost (panoptic labels per image)", fontsize=7)
    axes.set_ylabel("predicted PQ", fontsize=7)
    axes.tick_params(labelsize=6)
    axes.legend(fontsize=6, frameon=False, loc="lower right")
    content = io.BytesIO()
    FigureCanvasAgg(figure).print_png(content)
    return write_atomically(path, content.getvalue())
