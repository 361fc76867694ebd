"""Score a trained network on a split of a data set."""

import tempfile
import uuid
from os import PathLike

from cqb_core.data.panoptic_files import find_split, read_split
from cqb_core.errors import InputError
from cqb_core.evaluation.report import Evaluation
from cqb_core.network import read_network_config
from cqb_core.training.config import point_at
from cqb_core.training.quiet import running


def evaluate(
    checkpoint: str | PathLike[str],
    data: str | PathLike[str],
    split: str = "val",
    *,
    options: dict[str, object] | None = None,
    progress: bool = True,
    verbose: bool = False,
) -> Evaluation:
    """PQ, box and mask AP and mIoU of a trained network, on a GPU if there is one.

    Args:
        checkpoint: a training folder (its best checkpoint) or a checkpoint.
        data: root of a data set in COCO panoptic layout.
        split: `val`, `train` or a split's exact name.
        options: config entries to override.
        progress: show a bar on standard error.
        verbose: show mmengine's own log on the terminal.

    Raises:
        InputError: when checkpoint or data are broken, or the data set has other classes than the network.
    """
    file, config, taxonomy, _ = read_network_config(checkpoint)
    found = find_split(data, split)
    categories = read_split(found).taxonomy
    if categories != taxonomy:
        names = ", ".join(category.name for category in categories.categories[:5])
        wanted = f"the network's {len(taxonomy.categories)} classes"
        raise InputError(found.annotation_file, "categories", wanted, f"{len(categories.categories)}: {names}, ...")
    point_at(config, found)
    config.merge_from_dict(options or {})
    config.load_from, config.resume = str(file), False
    config.custom_hooks = [{"type": "PlainCheckpointHook"}, *([{"type": "ProgressHook"}] if progress else [])]
    with tempfile.TemporaryDirectory() as folder:
        config.work_dir = folder
        with running(config, f"test-{uuid.uuid4().hex[:8]}", verbose) as runner:
            runner.test()
    made: Evaluation | None = runner.test_evaluator.metrics[0].evaluation
    if made is None:
        raise InputError(found.annotation_file, "images", "at least one image", "none")
    return made
