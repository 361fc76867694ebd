"""The pictures of cqb-net's pages: what label kinds look like, what a budget buys, and the front behind that.

    hatch run python tools/pictures.py                  # into packages/cqb-net/docs/
    hatch run python tools/pictures.py --only labels    # one of labels, budgets, front

The numbers are those that cqb-pareto plans from the paper's Table 2, at the prices of the paper's text.
"""

import argparse
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from cqb_core.files import replacing
from cqb_core.prediction.overlay import draw_overlay
from cqb_core.scenes import SceneStyle
from cqb_core.scenes.classes import TAXONOMY
from cqb_core.scenes.draw import draw_scene
from cqb_core.segments import VOID, PanopticMap
from cqb_pareto import PriceList, named_prices, paper_pilots, plan, study
from cqb_pareto.paper import KINDS, table1
from cqb_pareto.report import Mark, Page, write_front_png

OUT = Path(__file__).parents[1] / "packages" / "cqb-net" / "docs"
PRICES = "paper-text"
IMAGES = 118_287
"""Images of COCO's train2017."""

BUDGETS = (0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
"""Fully labelled images per image; between the cheapest and the dearest shares of the paper's pilots."""

SCENE = 2
"""Seed of the scene that is shown: two things on three kinds of stuff."""

NAMES = {"P": "P panoptic: all", "I": "I image tags", "B": "B boxes", "M": "M masks", "S": "S stuff map"}
COLORS = {"P": "#1f5ea8", "S": "#2a9d52", "B": "#e0a100", "I": "#b9c6d8"}


def main() -> None:
    """Write the pictures."""
    made: dict[str, Callable[[Path], None]] = {"labels": draw_labels, "budgets": draw_budgets, "front": draw_front}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=OUT, help="folder to write")
    parser.add_argument("--only", choices=made, action="append", help="this one; repeat it")
    arguments = parser.parse_args()
    for name in arguments.only or made:
        made[name](arguments.out / f"{name}.png")
        print(arguments.out / f"{name}.png")


def draw_labels(path: Path) -> None:
    """One drawn scene under each kind of labels, with what it costs."""
    photo, truth = draw_scene(SceneStyle(size=(128, 128), noise=0.1, void=0, crowd=0), np.random.default_rng(SCENE))
    things = {category.id for category in TAXONOMY.things}
    kept = {
        "S": [segment.id for segment in truth.segments if segment.category_id not in things],
        "M": [segment.id for segment in truth.segments if segment.category_id in things],
        "P": [segment.id for segment in truth.segments],
    }
    figure = Figure(figsize=(9.6, 2.35), layout="constrained")
    for axes, kind in zip(figure.subplots(1, 5), ("I", "B", "M", "S", "P"), strict=True):
        axes.imshow(draw_overlay(photo, only(truth, kept.get(kind, [])), TAXONOMY))
        if kind == "I":
            list_tags(axes, truth)
        elif kind == "B":
            frame_things(axes, truth, things, scale=axes.images[0].get_array().shape[0] / len(photo))
        axes.set_title(f"{NAMES[kind]}\n{price(kind, named_prices(PRICES))}", fontsize=9)
        axes.set_axis_off()
    save(figure, path)


def only(panoptic: PanopticMap, ids: Sequence[int]) -> PanopticMap:
    """A map without its other segments."""
    kept = np.where(np.isin(panoptic.ids, ids), panoptic.ids, VOID).astype(panoptic.ids.dtype)
    return PanopticMap(kept, tuple(segment for segment in panoptic.segments if segment.id in ids))


def price(kind: str, prices: PriceList) -> str:
    """Seconds per image, and their share of a full label."""
    return f"{prices.seconds(kind).mid:.0f} s ({prices.relative([kind])[0]:.3g})"


def list_tags(axes: Axes, truth: PanopticMap) -> None:
    """Name the classes of the scene, once each."""
    names = {category.id: category.name for category in TAXONOMY.categories}
    tags = "\n".join(dict.fromkeys(names[segment.category_id] for segment in truth.segments))
    white = {"facecolor": "white", "alpha": 0.85, "edgecolor": "none"}
    axes.text(0.5, 0.5, tags, ha="center", va="center", transform=axes.transAxes, fontsize=9, bbox=white)


def frame_things(axes: Axes, truth: PanopticMap, things: set[int], scale: float) -> None:
    """Draw a box around each thing, in pixels of a picture that is `scale` times as large as the map."""
    colors = {c.id: (c.name, [channel / 255 for channel in c.color]) for c in TAXONOMY.things}
    for segment in truth.segments:
        if segment.category_id not in things:
            continue
        rows, columns = np.nonzero(truth.ids == segment.id)
        top, left, bottom, right = rows.min(), columns.min(), rows.max() + 1, columns.max() + 1
        name, color = colors[segment.category_id]
        corner, size = (scale * left - 0.5, scale * top - 0.5), (scale * (right - left), scale * (bottom - top))
        axes.add_patch(Rectangle(corner, *size, fill=False, lw=2, edgecolor=color))
        label = {"facecolor": color, "edgecolor": "none", "pad": 0.8}
        axes.text(*corner, name, fontsize=6.5, color="white", va="bottom", bbox=label)


def draw_budgets(path: Path) -> None:
    """Shares of the planned allocation and its expected PQ, for several budgets."""
    pilots, prices = paper_pilots(), named_prices(PRICES)
    plans = [plan(pilots, prices, budget=budget, images=IMAGES, kinds=KINDS) for budget in BUDGETS]
    figure = Figure(figsize=(6.4, 3.4), layout="constrained")
    axes, at = figure.add_subplot(), np.arange(len(plans))
    below = np.zeros(len(plans))
    for kind in ("P", "S", "B", "I"):
        shares = np.array([made.allocation.get(kind, 0.0) for made in plans])
        axes.bar(at, shares, 0.7, below, color=COLORS[kind], label=NAMES[kind])
        below += shares
    for place, made in enumerate(plans):
        axes.text(place, 1.01, f"PQ {made.pq.mid:.1f}", ha="center", va="bottom", fontsize=8)
    axes.set(xlabel="budget (fully labelled images per image)", ylabel="share of the images", ylim=(0, 1.08))
    axes.set_xticks(at, [f"{budget:g}" for budget in BUDGETS])
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right center", frameon=False, reverse=True)
    save(figure, path)


def draw_front(path: Path) -> None:
    """The allocations that were searched, the front, and a plan, beside the allocations of the paper's Table 1."""
    rows = table1()
    groups = [("O rows of Table 1", "#2a9d52", rows.optimal), ("R rows of Table 1", "#e07b00", ~rows.optimal)]
    marks = [
        Mark(label, color, [name for name, one in zip(rows.names, kept, strict=True) if one], rows.shares[kept])
        for label, color, kept in groups
    ]
    made = study(paper_pilots(), named_prices(PRICES), budget=0.3, images=IMAGES, kinds=KINDS)
    write_front_png(Page.of(made, marks), path, dpi=220)


def save(figure: Figure, path: Path) -> None:
    """The figure as a PNG, which appears whole or not at all."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=120)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_bytes(content.getvalue())


if __name__ == "__main__":
    main()
