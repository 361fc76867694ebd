"""Score a trained network on a split of a data set."""

import tempfile
import uuid
from contextlib import ExitStack
from os import PathLike

from cqb_core.data.panoptic_files import find_split, read_taxonomy
from cqb_core.evaluation.report import Evaluation
from cqb_core.network import building, read_network_config
from cqb_core.training.config import override, point_at, require_same_classes
from cqb_core.training.plain_checkpoint import fill
from cqb_core.training.runner import running


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
    file, config, taxonomy, weights = read_network_config(checkpoint)
    found = find_split(data, split)
    require_same_classes(read_taxonomy(found), taxonomy, found.annotation_file, f"the network {file.name}")
    point_at(config, found)
    override(config, options or {})
    config.load_from, config.resume = None, False
    config.custom_hooks = [{"type": "ProgressHook"}] if progress else []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        config.work_dir = folder
        with building(file):
            runner = stack.enter_context(running(config, f"test-{uuid.uuid4().hex[:8]}", verbose))
        fill(runner.model, weights, file)
        runner.test()
    made: Evaluation = runner.test_evaluator.metrics[0].evaluation
    return made
