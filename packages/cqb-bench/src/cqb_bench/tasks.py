"""What each task is scored by, which labels its methods learn from, and which finer ones bound them from above."""

from dataclasses import dataclass

from cqb_bench.method import Task
from cqb_core import InputError, Labels


@dataclass(frozen=True)
class Terms:
    """How the methods of a task are compared (Fig. 5).

    Args:
        metric: column of the results.
        title: of the metric.
        rest: what the images without full labels own, unless a comparison asks for other labels.
        upper: what they own in the run that bounds the methods from above.
    """

    metric: str
    title: str
    rest: Labels
    upper: Labels


TASKS: dict[Task, Terms] = {
    "detection": Terms("box_ap", "box AP", Labels.IMAGE, Labels.BOX),
    "semantic": Terms("miou", "mIoU", Labels.IMAGE, Labels.STUFF),
    "instance": Terms("mask_ap", "mask AP", Labels.BOX, Labels.MASK),
}


def task_named(name: str) -> Task:
    """A task by name, in any case.

    Raises:
        InputError: listing the tasks, and the one that was probably meant.
    """
    from cqb_core.training.config import meant  # which imports torch

    for task in TASKS:
        if name.strip().lower() == task:
            return task
    raise InputError("--task", "task", f"one of {', '.join(TASKS)}", repr(name) + meant(name.lower(), TASKS))
