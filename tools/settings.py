"""How each data set is tried: config, length, shares and seeds that several tools share."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parents[1] / "packages" / "cqb-net"
"""Where configs and results are."""


@dataclass(frozen=True)
class Setting:
    """How a data set is tried.

    Args:
        config: name.
        epochs: of every training.
        shares: of panoptic labels in Table 2.
        seeds: of Table 2.
        plan_seeds: how many of them plans follow from; more may be trained before or after the plans.
        beside: pilots of these seeds besides those of Table 2, with every module that their labels teach: shares of
            panoptic labels by the labels of the rest.
        budget: at which the plan meets chance.
        budgets: at which allocations are planned to find the cost that matches all-panoptic labels.
        rivals: random allocations.
        trial_seeds: of whole allocations.
        paper_seeds: of the paper's.
        options: config entries that make a training cheaper.
    """

    config: str
    epochs: int
    shares: tuple[float, ...]
    seeds: int
    plan_seeds: int = 2
    beside: dict[str, tuple[float, ...]] = field(default_factory=dict)
    budget: float = 0.3
    budgets: tuple[float, ...] = (0.15, 0.2, 0.3, 0.4)
    rivals: int = 5
    trial_seeds: int = 3
    paper_seeds: int = 1
    options: dict[str, Any] = field(default_factory=dict)


SPARING = {
    "train_dataloader.dataset.pipeline.2.ratio_range": (0.75, 1.8),
    "train_dataloader.dataset.pipeline.3.crop_size": (288, 216),
    **{f"{part}_dataloader.dataset.pipeline.1.scale": (720, 540) for part in ("val", "test")},
    "model.backbone.frozen_stages": 2,
    **{f"model.roi_head.{part}_roi_extractor.roi_layer.sampling_ratio": 1 for part in ("bbox", "mask")},
}
"""CamVid at three quarters of the config's scale, and what the scenes' config spares: about half the time of a step."""

SETTINGS = {
    "scenes": Setting(
        "cqb-net_lite0_scenes",
        epochs=6,
        shares=(0.1, 0.3, 0.5),
        seeds=3,
        beside={"none": (0.1, 0.3, 0.5), "B+I": (0.1, 0.3, 0.5)},
        budgets=(0.15, 0.2, 0.3, 0.4, 0.6, 0.8),
    ),
    "camvid": Setting(
        "cqb-net_lite0_camvid",
        epochs=6,
        shares=(0.1,),
        seeds=2,
        beside={"none": (0.1, 0.3), "B+I": (0.1, 0.3), "I": (0.3,), "B": (0.3,), "S": (0.3,)},
        trial_seeds=2,
        options=SPARING,
    ),
}
