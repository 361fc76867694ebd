"""mmdetection's Mask R-CNN learns from boxes through two classes that a config names."""

import pytest
import torch

pytest.importorskip("mmdet")

from mmengine.config import Config
from mmengine.registry import DefaultScope

import cqb_core  # noqa: F401 (lends torchvision's operators to an mmcv without compiled ones)
from cqb_weak.examples import mmdet_box2mask as example
from cqb_weak.examples.boxed_shapes import draw_shapes


@pytest.fixture
def model():
    torch.manual_seed(0)
    return example.build_model()


def test_gradients_of_the_boxes_reach_every_part_of_the_host(model):
    shapes = draw_shapes(2, torch.Generator().manual_seed(0), example.SIDE)
    model.train()
    data = model.data_preprocessor(example.samples(shapes, torch.arange(2)), True)
    losses = model(**data, mode="loss")
    (losses["loss_mil"] + losses["loss_structure"]).backward()
    for part in (model.backbone, model.roi_head.mask_head):
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in part.parameters())
    assert all(p.grad is None for p in model.roi_head.bbox_head.parameters())


def test_predicts_masks_of_the_size_of_the_image(model):
    shapes = draw_shapes(1, torch.Generator().manual_seed(0), example.SIDE)
    model.eval().roi_head.test_cfg.score_thr = 0.0
    with torch.no_grad():
        data = model.data_preprocessor(example.samples(shapes, torch.arange(1)))
        (found,) = model(**data, mode="predict")
    masks = found.pred_instances.masks
    assert masks.shape == (len(found.pred_instances.bboxes), example.SIDE, example.SIDE)
    assert len(masks) > 0


def test_a_config_can_name_it(tmp_path):
    path = tmp_path / "config.py"
    path.write_text(
        "custom_imports = dict(imports=['cqb_weak.examples.mmdet_box2mask'])\n"
        f"model = {example.model_config()!r}\ndefault_scope = 'mmdet'\n"
    )
    config = Config.fromfile(str(path))
    with DefaultScope.overwrite_default_scope("mmdet"):
        built = example.MODELS.build(config.model)
    assert type(built.roi_head).__name__ == "BoxedRoIHead"
    assert type(built.roi_head.mask_head).__name__ == "BoxedMaskHead"


def test_the_mask_head_sees_the_colours_of_the_images(model):
    shapes = draw_shapes(2, torch.Generator().manual_seed(0), example.SIDE)
    data = model.train().data_preprocessor(example.samples(shapes, torch.arange(2)), True)
    model(**data, mode="loss")
    torch.testing.assert_close(model.roi_head.mask_head.images, shapes.images, atol=1e-5, rtol=0)


def test_it_learns_more_than_to_fill_the_boxes(capsys):
    scores = example.main(["--steps", "120", "--seed", "0"])
    assert scores.after > scores.filled + 0.08
    assert scores.after > scores.before + 0.1
    assert "loss_mil" in capsys.readouterr().out
