"""The report of a study: the plan, what its allocation came to beside others of the same cost, and pictures."""

from collections.abc import Sequence
from html import escape
from os import PathLike
from pathlib import Path
from statistics import mean

import cqb_pareto
from cqb_core.data.images import read_image, write_image
from cqb_core.data.panoptic_files import find_split, read_split
from cqb_core.evaluation.evaluator import true_map
from cqb_core.files import write_text
from cqb_core.network import load_network
from cqb_core.prediction import draw_sheet, predict_image
from cqb_net.study.trials import TrialScore
from cqb_pareto.report.words import plan_lines

SHOWN = 8
"""Images in the picture."""

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { padding: .3rem .8rem; text-align: right; border-bottom: 1px solid #ddd; }
th:nth-child(-n + 2), td:nth-child(-n + 2) { text-align: left; }
tr.planned { background: #eef6ee; font-weight: 600; }
img { max-width: 100%; }
"""


def draw_predictions(run: str | PathLike[str], data: str | PathLike[str], path: Path, count: int = SHOWN) -> None:
    """Photographs of the val split with their truth and what a trained network makes of them, as one PNG."""
    split = find_split(data, "val")
    network, entries = load_network(run), read_split(split).entries[:count]
    photos = [split.image_path(entry) for entry in entries]
    truths, found = [true_map(split, entry) for entry in entries], [predict_image(network, photo) for photo in photos]
    write_image(path, draw_sheet([read_image(photo) for photo in photos], truths, found, network.taxonomy, across=2))


def write_page(made: cqb_pareto.Study, scores: Sequence[TrialScore], out: Path) -> Path:
    """`index.html` in the folder of the study, beside the files that it links to."""
    plan = made.plan
    lines = "".join(f"<li>{escape(line)}</li>" for line in plan_lines(plan))
    notes = "".join(f"<p>Note: {escape(note)}</p>" for note in plan.notes)
    seeds = len({score.trial.seed for score in scores})
    of_seeds = "of one seed, and another may order them otherwise" if seeds == 1 else f"the mean over {seeds} seeds"
    text = f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Which labels to buy</title><style>{STYLE}</style></head>
<body>
<h1>Which labels to buy</h1>
<ul>{lines}</ul>
{notes}
<p><a href="plan.html">The front, the responses and what-if prices</a> · <a href="plan.json">plan.json</a> ·
<a href="labels.json">labels.json</a> · <a href="worklist/">lists for annotators</a> ·
<a href="pilots/pilots.csv">pilots.csv</a> · <a href="trials/trials.csv">trials.csv</a></p>
<h2>What the labels came to</h2>
{trial_table(scores)}
<p>Cost in fully labelled images per image. All were trained by one recipe, with the same number of iterations.
PQ is {of_seeds}.</p>
<h2>What the network sees</h2>
<p>Photograph, truth and prediction of images that were not trained on; the network of the planned labels.</p>
<img src="predictions.png" alt="Photographs with their true and predicted panoptic maps">
</body>
</html>
"""
    write_text(out / "index.html", text)
    return out / "index.html"


def trial_table(scores: Sequence[TrialScore]) -> str:
    """An HTML row an allocation, best first."""
    names = dict.fromkeys(score.trial.name for score in scores)
    grouped = [[score for score in scores if score.trial.name == name] for name in names]
    rows = sorted(grouped, key=lambda group: -mean(score.pq for score in group))
    head = "".join(f"<th>{title}</th>" for title in ("allocation", "labels", "cost", "PQ", "PQ things", "PQ stuff"))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(map(_row, rows))}</tbody></table>"


def _row(group: Sequence[TrialScore]) -> str:
    first = group[0].trial
    labels = ", ".join(f"{kind.short} {share:.1%}" for kind, share in first.allocation.items())
    values = [f"{group[0].cost:.3f}"]
    for column in ("pq", "pq_th", "pq_st"):
        known = [float(score.result[column]) for score in group if score.result[column] != ""]
        values.append(f"{mean(known):.1f}" if known else "-")
    cells = "".join(f"<td>{value}</td>" for value in values)
    style = ' class="planned"' if first.name == "planned" else ""
    return f"<tr{style}><td>{escape(first.name)}</td><td>{escape(labels)}</td>{cells}</tr>"
