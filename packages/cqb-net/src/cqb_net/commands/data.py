"""`cqb-net data`: draw scenes, check a data set, assign labels to its images."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Draw, check and assign data.", no_args_is_help=True)


@app.command()
def scenes(
    out: Annotated[Path, typer.Argument(help="Folder to draw into; new, empty, or of earlier scenes.")],
    train: Annotated[int, typer.Option(min=0, help="Images to train on.")] = 200,
    val: Annotated[int, typer.Option(min=0, help="Images to evaluate on.")] = 40,
    seed: Annotated[int, typer.Option(min=0, help="Another seed draws other scenes.")] = 0,
    coherence: Annotated[float, typer.Option(min=0, max=1, help="How far the stuff decides the things on it.")] = 0.8,
) -> None:
    """Draw a data set of seeded scenes in COCO panoptic format."""
    from cqb_core.progress import reporting
    from cqb_core.scenes import SceneStyle, write_scenes

    with reporting("draw") as report:
        write_scenes(out, train, val, SceneStyle(coherence=coherence), seed, report)
    typer.echo(f"{train} train and {val} val images in {out}")


@app.command()
def check(
    root: Annotated[Path, typer.Argument(help="Data set in COCO panoptic layout.")],
    split: Annotated[str | None, typer.Option(help="Only this split; all there are by default.")] = None,
    labels: Annotated[
        Path | None, typer.Option(help="Assignment of the train split, or of SPLIT: look only at what images own.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Images that are read at a time.")] = 2,
) -> None:
    """Audit every image and annotation; exit status 1 when something is wrong."""
    from cqb_core.data.audit import audit
    from cqb_core.data.panoptic_files import find_split, split_names
    from cqb_core.progress import reporting
    from cqb_net.terminal import console

    faults = 0
    assigned = find_split(root, split or "train").name if labels else None
    for name in [find_split(root, split).name] if split else split_names(root):
        with reporting(f"check {name}") as report:
            found = audit(find_split(root, name), workers, report, labels if name == assigned else None)
        if found.faults or found.notices:
            console().print(found.table())
        else:
            typer.echo(found.summary)
        faults += len(found.faults)
    raise typer.Exit(int(faults > 0))


@app.command()
def assign(
    root: Annotated[Path, typer.Argument(help="Data set in COCO panoptic layout.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The assignment file.")],
    ratio: Annotated[
        str | None, typer.Option(help="Shares that sum to 1, such as P=0.29,I=0.355,B=0.29,S=0.065.")
    ] = None,
    from_plan: Annotated[Path | None, typer.Option(help="Or the plan that cqb-pareto wrote.")] = None,
    seed: Annotated[int, typer.Option(help="Another seed chooses other images.")] = 0,
    split: Annotated[str, typer.Option(help="The split to assign.")] = "train",
) -> None:
    """Say which image gets which labels, by shares or by a plan.

    Labels: P panoptic, I image tags, B boxes, M masks, S stuff; sums such as B+S; none.
    """
    from cqb_core import InputError, parse_allocation
    from cqb_core import assign as assign_labels
    from cqb_core.data.panoptic_files import find_split, fingerprint, read_split
    from cqb_net.worklist import plan_allocation
    from cqb_pareto import read_plan

    if (ratio is None) == (from_plan is None):
        got = "neither" if ratio is None else "both"
        raise InputError("data assign", "--ratio, --from-plan", "one of them", got)
    if from_plan is not None:
        allocation = plan_allocation(read_plan(from_plan), from_plan)
    else:
        allocation = parse_allocation(ratio or "")
    index = read_split(find_split(root, split))
    made = assign_labels([entry.image_id for entry in index.entries], allocation, seed, fingerprint(index))
    made.write(out)
    counts = ", ".join(f"{owned.short} {len(images)}" for owned, images in made.images.items())
    typer.echo(f"{out}: {counts} of {len(index.entries)} images")


@app.command()
def worklist(
    root: Annotated[Path, typer.Argument(help="Data set in COCO panoptic layout.")],
    labels: Annotated[Path, typer.Argument(help="The assignment file.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for a CSV a label set.")],
    prices: Annotated[str, typer.Option(help="A named list of cqb-pareto, or a CSV of prices.")] = "paper-text",
    wage: Annotated[float | None, typer.Option(help="Money per hour, for a total in money.")] = None,
    review: Annotated[float, typer.Option(min=0, help="Time for checking, as a share of labelling time.")] = 0.0,
    split: Annotated[str, typer.Option(help="The split of the assignment.")] = "train",
) -> None:
    """List for an annotation team which image wants which labels, with the hours that they take."""
    from rich.table import Table

    from cqb_core import Assignment
    from cqb_core.data.panoptic_files import find_split, fingerprint, read_split
    from cqb_net.terminal import console
    from cqb_net.worklist import write_worklist
    from cqb_pareto import load_prices

    index = read_split(find_split(root, split))
    terms = load_prices(prices).with_terms(hourly_wage=wage, review=review)
    rows = write_worklist(Assignment.read(labels, fingerprint(index)), index, terms, out)
    table = Table("labels", "images", "hours", "as panoptic labels", *(["money"] if wage else []))
    for row in rows:
        table.add_row(row.labels.short, str(row.images), *_amounts(row.hours, row.relative, row.money))
    table.add_section()
    hours, relative = sum(row.hours for row in rows), sum(row.relative for row in rows)
    money = sum(row.money or 0.0 for row in rows) if wage else None
    table.add_row("all", str(sum(row.images for row in rows)), *_amounts(hours, relative, money))
    console().print(table)
    typer.echo(f"lists: {out}")


def _amounts(hours: float, relative: float, money: float | None) -> list[str]:
    return [f"{hours:.2f}", f"{relative:.2f}", *([] if money is None else [f"{money:.2f}"])]
