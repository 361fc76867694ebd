"""What `study_modules.py` compares: modules in several forms, by study."""

from dataclasses import dataclass, field
from typing import Any

from cqb_core import Labels
from cqb_core.assignment import parse_allocation
from cqb_net.pilots.protocol import ROWS, TableRow

Options = dict[str, Any]


@dataclass(frozen=True)
class Way:
    """A form.

    Args:
        changed: options of the module that differ; None for no module.
        network: entries of the config.
        upper: whether the other images own the row's finer labels.
        without: modules that a study of a mixture leaves out.
    """

    changed: Options | None = None
    network: Options = field(default_factory=dict)
    upper: bool = False
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class Study:
    """Forms of a module, or of all of them on a mixture of labels.

    Args:
        row: of Table 2, which says what labels there are; or the mixture.
        paper: options of the module that every form begins with, as in the paper; those of the config otherwise.
        ways: by name.
        shown: columns of the table.
        on: the data sets.
    """

    row: TableRow | dict[Labels, float]
    paper: Options
    ways: dict[str, Way]
    shown: tuple[str, ...] = ("pq_th", "pq_st", "box_ap", "miou")
    on: tuple[str, ...] = ("scenes",)


NEAR, ABSENT = {"energy": {"xy": 35.0}}, {"absent_weight": 1.0}
NO_LABELS, NO_ENERGY = {"pseudo_weight": 0.0}, {"energy_weight": 0.0}
BOTH = {"evidence": "coupled"} | ABSENT
PSEUDO_BOXES = {"coupling": "product", "detach_detector": True, "refine": 1.0}
ALL_AVERAGED, BOXES_APART = {"averages": ("classes", "boxes", "semantic")}, {"averages": ("classes", "semantic")}
JUDGED = {"judges": "average"}
ALWAYS = {"model.full_share": 0.0}
FUSED = {"model.roi_head.mask_head.type": "FusedMaskHead"}
STUDIES = {
    "cls2pixel": Study(
        ROWS[3],
        {
            "evidence": "maps",
            "absent_weight": 0.0,
            "energy": {"xy": 100.0},
            "energy_weight": 4.0,
            "warm_up": 0.25,
        },
        {
            "no module": Way(),
            "labels of activation maps, energy": Way({}),
            "labels of activation maps alone": Way({"energy_weight": 0.0}),
            "energy alone": Way({"pseudo_weight": 0.0}),
            "absent classes alone": Way({"energy_weight": 0.0, "pseudo_weight": 0.0} | ABSENT),
            "absent classes, energy over 35 pixels": Way({"pseudo_weight": 0.0} | ABSENT | NEAR),
            "absent classes, labels of the segmentation": Way(
                {"energy_weight": 0.0, "evidence": "segmentation"} | ABSENT
            ),
            "absent classes, labels of both": Way({"energy_weight": 0.0} | BOTH),
            "labels of both, energy over 35 pixels": Way({"evidence": "coupled"} | NEAR),
            "absent classes, labels of both, energy over 35 pixels": Way(BOTH | NEAR),
            "the same, from half of the training on": Way(BOTH | NEAR | {"warm_up": 0.5}),
            "the same with a quarter of the energy": Way(BOTH | NEAR | {"energy_weight": 1.0}),
            "with a quarter, from half of the training on": Way(BOTH | NEAR | {"energy_weight": 1.0, "warm_up": 0.5}),
            "stuff maps, no module": Way(upper=True),
        },
    ),
    "relation": Study(
        ROWS[4],
        {"teaches_host": 1.0},
        {
            "no module": Way(),
            "teaches the network's features": Way({}),
            "by a fifth of its gradient": Way({"teaches_host": 0.2}),
            "not at all": Way({"teaches_host": 0.0}),
            "not at all, losses judge the average": Way({"teaches_host": 0.0} | JUDGED),
            "boxes and stuff maps, no module": Way(upper=True),
        },
    ),
    "relation-things": Study(
        ROWS[2],
        ALL_AVERAGED,
        {
            "no module": Way(),
            "in the features, boxes averaged": Way({"teaches_host": 1.0}),
            "boxes averaged": Way({}),
            "boxes not averaged": Way(BOXES_APART),
            "boxes averaged, losses judge the average": Way(JUDGED),
            "boxes not averaged, losses judge the average": Way(JUDGED | BOXES_APART),
            "stuff around regions, boxes averaged": Way({"surround": 2.0}),
            "stuff around regions, boxes not averaged": Way({"surround": 2.0} | BOXES_APART),
            "stuff maps and boxes, no module": Way(upper=True),
        },
    ),
    "masks": Study(
        ROWS[1],
        {},
        {
            "boxes, no module": Way(),
            "boxes, Box2Mask": Way({}),
            "masks": Way(upper=True),
            "boxes, no module, fused head": Way(network=FUSED),
            "boxes, Box2Mask, fused head": Way({}, FUSED),
            "masks, fused head": Way(network=FUSED, upper=True),
        },
        ("pq_th", "box_ap", "mask_ap"),
    ),
    "cls2box": Study(
        ROWS[0],
        {},
        {
            "no module": Way(),
            "pseudo boxes, features taught": Way(PSEUDO_BOXES | {"teaches_host": 1.0}),
            "pseudo boxes": Way(PSEUDO_BOXES),
            "classes and pseudo boxes": Way({"refine": 1.0}),
            "classes, features taught": Way({"teaches_host": 1.0}),
            "classes": Way({}),
            "boxes, no module": Way(upper=True),
        },
    ),
    "tags": Study(
        ROWS[0],
        {},
        {
            "no module": Way(),
            "classes": Way({"coupling": "classifier", "detach_detector": False, "refine": 0.0}),
            "pseudo boxes": Way({}),
            "boxes, no module": Way(upper=True),
        },
        on=("camvid",),
    ),
    "pixels": Study(
        ROWS[3],
        {},
        {
            "no module": Way(),
            "tags for the branch alone": Way(NO_LABELS | NO_ENERGY | {"absent_weight": 0.0}),
            "no pseudo labels": Way(NO_LABELS),
            "no energy": Way(NO_ENERGY),
            "pseudo labels of the segmentation": Way({"evidence": "segmentation"}),
            "all of them": Way({}),
            "all of them, the branch leaves the features": Way({"teaches_host": 0.0}),
            "stuff maps, no module": Way(upper=True),
        },
        on=("camvid",),
    ),
    "relation-pixels": Study(
        ROWS[4],
        {},
        {
            "no module": Way(),
            "pixels averaged": Way({}),
            "pixels not averaged": Way({"averages": ("classes",)}),
            "boxes and stuff maps, no module": Way(upper=True),
        },
        on=("camvid",),
    ),
    "few": Study(
        parse_allocation("P=0.5,I=0.166,B=0.167,S=0.167"),
        {},
        {
            "no module": Way(),
            "full weight for any number of images": Way({}, ALWAYS),
            "the same without Cls2Box": Way({}, ALWAYS, without=("Cls2Box",)),
            "in proportion below half of the batch": Way({}),
            "in proportion": Way({}, {"model.full_share": 1.0}),
        },
        ("pq", "pq_th", "pq_st", "box_ap", "miou"),
    ),
}
