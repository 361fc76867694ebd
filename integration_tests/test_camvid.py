"""CamVid: real street photographs."""

from cqb_core.training import train
from cqb_core.training.plain_checkpoint import load_checkpoint

NAME = "panoptic-cascade_lite0_fpn_camvid"


def test_camvid_is_sound(real_data, run):
    status, said, _ = run("data", "check", real_data("camvid"), "--workers", 1)
    assert (status, said.splitlines()) == (
        0,
        [
            "367 images: 367 sound, 0 faults in 0 images, 0 notices",
            "101 images: 101 sound, 0 faults in 0 images, 0 notices",
        ],
    )


def test_camvid_trains_on_mixed_labels(real_data, subset, tiny, run, tmp_path):
    data = subset(real_data("camvid"), {"train": 4, "val": 1})
    run("data", "assign", data, "--ratio", "P=0.5,B=0.25,S=0.25", "-o", tmp_path / "labels.json")
    own = {"model.backbone", "model.neck.in_channels"}  # the config's backbone, without weights from a package
    options = {
        **{key: value for key, value in tiny.items() if key not in own},
        "model.backbone.pretrained": False,
        "train_dataloader.batch_size": 2,
        "train_dataloader.dataset.pipeline.3.crop_size": (128, 96),
        "val_dataloader.dataset.pipeline.1.scale": (240, 180),
    }
    last = train(NAME, data, tmp_path / "run", tmp_path / "labels.json", options=options, progress=False)
    content = load_checkpoint(last)
    assert content["meta"]["iter"] == 2
    assert len(content["categories"]) == 11
