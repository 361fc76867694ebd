"""COCO 2017 as published: 133 categories, crowds, grey images, odd sizes."""

from PIL import Image

from cqb_core.evaluation.run import evaluate
from cqb_core.training import train

NAME = "panoptic-cascade_r50_fpn_24e_coco"


def test_coco_trains_and_evaluates(real_data, subset, tiny, tmp_path):
    source = real_data("coco200")

    def odd(image, annotation):
        with Image.open(next(source.glob(f"*/{image['file_name']}"))) as opened:
            grey = opened.mode != "RGB"
        return grey or any(segment["iscrowd"] for segment in annotation["segments_info"])

    data = subset(source, {"train": 4, "val": 3}, odd)
    options = {
        **tiny,
        "train_dataloader.dataset.pipeline.2.scale": [(160, 96), (160, 128)],
        "val_dataloader.dataset.pipeline.1.scale": (160, 128),
        "test_dataloader.dataset.pipeline.1.scale": (160, 128),
        "model.test_cfg.panoptic.stuff_area_limit": 64,
    }
    train(NAME, data, tmp_path / "run", options=options, progress=False)
    made = evaluate(tmp_path / "run", data, progress=False)
    assert made.images == 3
    assert len(made.panoptic.classes) == 133
    assert made.panoptic.all.n > 0
