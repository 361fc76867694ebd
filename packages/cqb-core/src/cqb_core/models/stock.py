"""The same network as plain mmdet knows it, for its exporters and to be compared with."""

import copy

from mmengine.config import ConfigDict

from cqb_core.models.stages import box_heads, count_classes, training


def stock_config(model: ConfigDict) -> ConfigDict:
    """The config of mmdet's `TwoStagePanopticSegmentor` whose weights are named as those of a `PanopticCascade`.

    A checkpoint of a network without auxiliaries loads into it strictly, and it needs nothing of this package but its
    preprocessor. Auxiliaries are left out.
    """
    stock = copy.deepcopy(model)
    stock.pop("auxiliaries", None)
    things, stuff = stock.pop("num_things"), stock.pop("num_stuff")
    roi, counts = stock.roi_head, {"num_things_classes": things, "num_stuff_classes": stuff}
    stock.type, roi.type = "TwoStagePanopticSegmentor", "CascadeRoIHead"
    roi.bbox_head = [ConfigDict(head) for head in box_heads(roi.bbox_head, roi.num_stages)]
    stock.train_cfg.rcnn = training(stock.train_cfg.rcnn, roi.num_stages)
    for heads in (roi.bbox_head, roi.mask_head):
        count_classes(heads, things)
    stock.semantic_head.update(counts)
    stock.panoptic_fusion_head.update(counts)
    return stock
