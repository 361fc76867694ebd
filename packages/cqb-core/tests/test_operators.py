"""The kernels against written-out ones, called through mmcv, and when they are registered."""

import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec

import numpy as np
import pytest
import torch
import torchvision  # noqa: F401 (imported here to leave its seconds out of the tests)
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from mmcv import ops
from mmdet.models import PanopticFPN
from mmdet.registry import MODELS

from cqb_core import operators

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def slow_nms(boxes: np.ndarray, scores: np.ndarray, threshold: float, offset: int) -> list[int]:
    def area(box):
        return max(0.0, box[2] - box[0] + offset) * max(0.0, box[3] - box[1] + offset)

    boxes, kept = boxes.tolist(), []
    for i in np.argsort(-scores, kind="stable"):
        for j in kept:
            shared = area([*map(max, boxes[i][:2], boxes[j][:2]), *map(min, boxes[i][2:], boxes[j][2:])])
            if shared > threshold * (area(boxes[i]) + area(boxes[j]) - shared):
                break
        else:
            kept.append(int(i))
    return kept


def slow_sampling(roi, size, cells, scale, ratio, aligned) -> np.ndarray:
    """Share of each feature pixel in each cell of one RoI: `cells_h cells_w h w` (He et al. 2017, section 3)."""
    h, w = size
    x0, y0, x1, y1 = (np.asarray(roi) * scale - (0.5 if aligned else 0.0)).tolist()
    high, wide = y1 - y0, x1 - x0
    if not aligned:
        high, wide = max(high, 1.0), max(wide, 1.0)
    step_y, step_x = high / cells[0], wide / cells[1]
    ny, nx = (ratio, ratio) if ratio else (int(np.ceil(step_y)), int(np.ceil(step_x)))
    shares = np.zeros((*cells, h, w))
    for i, j in np.ndindex(*cells):
        for a, b in np.ndindex(ny, nx):
            y, x = y0 + (i + (a + 0.5) / ny) * step_y, x0 + (j + (b + 0.5) / nx) * step_x
            if -1 <= y <= h and -1 <= x <= w:
                along_y, along_x = _linear(y, h), _linear(x, w)
                shares[i, j] += np.outer(along_y, along_x) / (ny * nx)
    return shares


def _linear(position: float, size: int) -> np.ndarray:
    position = min(max(position, 0.0), size - 1.0)
    low = int(position)
    weights = np.zeros(size)
    weights[low] += 1 - (position - low)
    weights[min(low + 1, size - 1)] += position - low
    return weights


FEATURES = np.random.default_rng(0).normal(size=(2, 3, 7, 9))
# Inside, across the border, beyond it, thinner than a pixel, and the second image.
ROIS = np.array(
    [
        [0, 2, 3, 12, 11],
        [0, -6, -4, 5, 6],
        [1, 10, 6, 30, 22],
        [0, 40, 40, 60, 60],
        [1, 3, 3, 3.5, 9],
        [1, 0, 0, 17, 13],
    ]
)
SETTINGS = [
    pytest.param((cells, ratio, aligned), id=f"{cells}-{ratio}-{aligned}")
    for cells in [(2, 3), (7, 7)]
    for ratio in [0, 2]
    for aligned in [True, False]
]


def roi_align(features, rois, setting, scale=0.5):
    cells, ratio, aligned = setting
    return ops.roi_align(features, rois, cells, scale, ratio, "avg", aligned)


def shares_of_all(setting, scale=0.5):
    cells, ratio, aligned = setting
    return np.stack([slow_sampling(roi[1:], FEATURES.shape[-2:], cells, scale, ratio, aligned) for roi in ROIS])


class TestNms:
    @settings(max_examples=40, deadline=None)
    @given(hnp.arrays(np.int64, (8, 5), elements=st.integers(0, 15)), st.integers(0, 8), st.sampled_from([0, 1]))
    def test_equals_the_slow_one(self, table, n, offset):
        corners, scores = table[:n, :4].reshape(n, 2, 2), table[:n, 4] / 16
        boxes = np.concatenate([corners.min(1), corners.max(1)], axis=1) / 2
        _, kept = ops.nms(torch.tensor(boxes), torch.tensor(scores), 0.4371, offset=offset)
        assert kept.tolist() == slow_nms(boxes, scores, 0.4371, offset)

    def test_offset_counts_the_far_edge(self):
        """10x10 and 10x5 pixels: an IoU of 0.5 with the far edge and of 36/81 without."""
        boxes = torch.tensor([[0.0, 0, 9, 9], [0, 0, 9, 4]])
        scores = torch.tensor([0.9, 0.8])
        assert ops.nms(boxes, scores, 0.47, offset=0)[1].tolist() == [0, 1]
        assert ops.nms(boxes, scores, 0.47, offset=1)[1].tolist() == [0]

    def test_an_overlap_of_just_the_threshold_is_kept(self):
        boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 5]])
        assert ops.nms(boxes, torch.tensor([0.9, 0.8]), 0.5)[1].tolist() == [0, 1]

    @pytest.mark.parametrize("device", DEVICES)
    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
    def test_every_float_and_device(self, dtype, device):
        boxes = torch.tensor([[0, 0, 8, 8], [0, 0, 8, 7], [20, 20, 30, 30]], dtype=dtype, device=device)
        dets, kept = ops.nms(boxes, torch.tensor([0.5, 0.75, 0.25], dtype=dtype, device=device), 0.5)
        assert kept.tolist() == [1, 2]
        assert dets.dtype == dtype
        assert dets.tolist() == [[0, 0, 8, 7, 0.75], [20, 20, 30, 30, 0.25]]

    def test_strided_boxes(self):
        table = torch.tensor([[0.0, 0, 8, 8, 0.5, 9], [0, 0, 8, 7, 0.75, 9], [20, 20, 30, 30, 0.25, 9]])
        assert ops.nms(table[:, :4], table[:, 4], 0.5)[1].tolist() == [1, 2]

    def test_batched_suppresses_within_a_class_only(self):
        boxes = torch.tensor([[0.0, 0, 8, 8], [0, 0, 8, 8], [0, 0, 8, 7]])
        scores, classes = torch.tensor([0.9, 0.8, 0.7]), torch.tensor([0, 1, 0])
        rule = {"type": "nms", "iou_threshold": 0.5}
        assert ops.batched_nms(boxes, scores, classes, dict(rule))[1].tolist() == [0, 1]
        assert ops.batched_nms(boxes, scores, classes, dict(rule), class_agnostic=True)[1].tolist() == [0]
        assert ops.batched_nms(boxes, scores, classes, {**rule, "split_thr": 1})[1].tolist() == [0, 1]


class TestRoIAlign:
    @pytest.mark.parametrize("device", DEVICES)
    @pytest.mark.parametrize("setting", SETTINGS)
    def test_forward_and_backward_equal_the_slow_ones(self, setting, device):
        shares = shares_of_all(setting)
        features = torch.tensor(FEATURES, device=device, requires_grad=True)
        pooled = roi_align(features, torch.tensor(ROIS, device=device), setting)
        expected = np.einsum("nijhw,nchw->ncij", shares, FEATURES[ROIS[:, 0].astype(int)])
        np.testing.assert_allclose(pooled.detach().cpu(), expected, atol=1e-12)

        above = np.random.default_rng(1).normal(size=expected.shape)
        pooled.backward(torch.tensor(above, device=device))
        gradient = np.zeros_like(FEATURES)
        np.add.at(gradient, ROIS[:, 0].astype(int), np.einsum("nijhw,ncij->nchw", shares, above))
        np.testing.assert_allclose(features.grad.cpu(), gradient, atol=1e-12)

    def test_whole_pixels_are_averaged(self):
        features = torch.arange(16.0).reshape(1, 1, 4, 4)
        pooled = ops.roi_align(features, torch.tensor([[0.0, 0, 0, 4, 4]]), (2, 2), 1.0, 2, "avg", True)
        assert pooled.tolist() == [[[[2.5, 4.5], [10.5, 12.5]]]]

    def test_gradcheck(self):
        features = torch.tensor(FEATURES[:, :1], requires_grad=True)
        rois = torch.tensor(ROIS[:3])
        assert torch.autograd.gradcheck(lambda x: roi_align(x, rois, ((2, 2), 0, True)), (features,))

    @pytest.mark.parametrize("device", DEVICES)
    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
    def test_reduced_precision_rounds_once(self, dtype, device):
        """Computed in float32 from the rounded features, then rounded: the same as float32 followed by a cast."""
        features = torch.tensor(FEATURES, dtype=dtype, device=device, requires_grad=True)
        wide = features.detach().float().requires_grad_()
        rois = torch.tensor(ROIS, dtype=dtype, device=device)
        pooled, expected = (roi_align(x, r, ((2, 3), 2, True)) for x, r in [(features, rois), (wide, rois.float())])
        pooled.sum().backward()
        expected.sum().backward()
        assert pooled.dtype == features.grad.dtype == dtype
        assert torch.equal(pooled, expected.to(dtype))
        assert torch.equal(features.grad, wide.grad.to(dtype))

    @pytest.mark.parametrize("device", DEVICES)
    def test_under_autocast(self, device):
        weight = torch.eye(3, device=device)[:, :, None, None].requires_grad_()
        with torch.autocast(device, dtype=torch.bfloat16):
            features = torch.nn.functional.conv2d(torch.tensor(FEATURES, dtype=torch.float32, device=device), weight)
            pooled = roi_align(features, torch.tensor(ROIS, dtype=torch.float32, device=device), ((2, 3), 2, True))
        pooled.float().sum().backward()
        assert features.dtype == pooled.dtype == torch.bfloat16
        assert weight.grad.abs().sum() > 0

    @pytest.mark.parametrize("device", DEVICES)
    def test_no_rois(self, device):
        features = torch.tensor(FEATURES, device=device, requires_grad=True)
        pooled = roi_align(features, torch.zeros(0, 5, dtype=torch.float64, device=device), ((2, 3), 0, True))
        assert pooled.shape == (0, 3, 2, 3)
        pooled.sum().backward()
        assert not features.grad.any()

    @pytest.mark.parametrize("device", DEVICES)
    def test_strided_features_rois_and_gradients(self, device):
        setting = ((2, 2), 2, True)
        plain = torch.tensor(FEATURES, device=device, requires_grad=True)
        strided = plain.detach().contiguous(memory_format=torch.channels_last).requires_grad_()
        rois = torch.tensor(np.repeat(ROIS, 2, axis=1), device=device)[:, ::2]
        for features, boxes in [(plain, rois.contiguous()), (strided, rois)]:
            pooled = roi_align(features, boxes, setting)
            pooled.backward(torch.arange(4.0, device=device).double().reshape(2, 2).T.expand_as(pooled))
        torch.testing.assert_close(roi_align(strided, rois, setting), roi_align(plain, rois.contiguous(), setting))
        torch.testing.assert_close(strided.grad, plain.grad)

    def test_maximum_is_refused(self):
        with pytest.raises(RuntimeError, match=r"roi_align_forward with pool_mode='max' is not .* pip install"):
            ops.roi_align(torch.zeros(1, 1, 4, 4), torch.zeros(1, 5), (2, 2), 1.0, 2, "max", True)


def test_the_models_of_mmdet_can_be_imported():
    assert MODELS.get("PanopticFPN") is PanopticFPN


def test_any_other_operator_names_itself_and_the_remedy():
    with pytest.raises(RuntimeError, match=r"operator sigmoid_focal_loss_forward is not .*MMCV_WITH_OPS=1 pip"):
        ops.sigmoid_focal_loss(torch.zeros(2, 3), torch.zeros(2, dtype=torch.long), 2.0, 0.25, None, "mean")


class TestInstall:
    def fake_mmcv(self, folder, monkeypatch, compiled):
        (folder / "mmcv").mkdir()
        (folder / "mmcv" / "__init__.py").touch()
        if compiled:
            (folder / "mmcv" / f"_ext{EXTENSION_SUFFIXES[0]}").touch()
        self.hide_mmcv(folder, monkeypatch)

    def hide_mmcv(self, folder, monkeypatch):
        monkeypatch.setattr(sys, "path", [str(folder)])
        for name in ("mmcv", "mmcv._ext"):
            monkeypatch.delitem(sys.modules, name, raising=False)

    def test_registers_once(self, tmp_path, monkeypatch):
        self.fake_mmcv(tmp_path, monkeypatch, compiled=False)
        assert operators.install() is True
        registered = sys.modules["mmcv._ext"]
        assert operators.install() is False
        assert sys.modules["mmcv._ext"] is registered

    def test_leaves_compiled_operators_alone(self, tmp_path, monkeypatch):
        self.fake_mmcv(tmp_path, monkeypatch, compiled=True)
        assert operators.install() is False
        assert "mmcv._ext" not in sys.modules

    def test_does_nothing_without_mmcv(self, tmp_path, monkeypatch):
        self.hide_mmcv(tmp_path, monkeypatch)
        assert operators.install() is False
        assert "mmcv._ext" not in sys.modules

    def test_looks_like_a_module(self, tmp_path, monkeypatch):
        self.fake_mmcv(tmp_path, monkeypatch, compiled=False)
        operators.install()
        assert find_spec("mmcv._ext").origin == "cqb_core.operators"
        assert not hasattr(sys.modules["mmcv._ext"], "__path__")

    def test_imports_neither_torch_nor_mmcv(self):
        program = (
            "import sys; from cqb_core import operators; operators.install(); "
            "sys.exit(str([m for m in ('torch', 'torchvision', 'mmcv') if m in sys.modules] or ''))"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        assert done.stderr.strip() == ""
