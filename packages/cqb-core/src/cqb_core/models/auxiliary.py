"""The seam: a class that says which labels it needs and which place of the network it looks at.

A stage auxiliary sees every cascade stage (one instance each), a semantic auxiliary the semantic branch. Both may add
losses while training and, at test, scores that are averaged with the network's own. Nothing in this package knows an
auxiliary by name; a config lists them.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

from jaxtyping import Bool, Float, Int, UInt8
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.model import BaseModule
from torch import Tensor

from cqb_core.labels import Labels

UNSAMPLED = -1
"""The class target of a RoI whose image owns no boxes."""


@dataclass(frozen=True)
class Host:
    """Sizes of the network that an auxiliary is plugged into.

    Args:
        num_things: thing classes t.
        num_stuff: stuff classes s.
        region_channels: channels of a RoI's feature map.
        region_size: its side in cells.
        region_dim: length of the vector that the box classifier reads.
        box_columns: of the box regression: 4, or 4 a thing class.
        semantic_dim: channels of the semantic branch's feature.
        num_stages: stages of the cascade.
    """

    num_things: int
    num_stuff: int
    region_channels: int
    region_size: int
    region_dim: int
    box_columns: int
    semantic_dim: int
    num_stages: int


@dataclass(frozen=True)
class ImageLabels:
    """What one image of a batch owns; a field that it does not own is None. At test every image owns nothing.

    Args:
        image_id: from the annotation file.
        owned: the label set.
        size: height and width in pixels without padding.
        thing_tags: whether each thing class is in the image.
        stuff_tags: whether each stuff class is in the image.
        boxes: xyxy in pixels of the padded batch.
        classes: thing class of each box.
        masks: one mask a box.
        semantic: things 0..t-1, stuff t..t+s-1, 255 unknown; padded.
    """

    image_id: int
    owned: Labels
    size: tuple[int, int]
    thing_tags: Bool[Tensor, " t"] | None = None
    stuff_tags: Bool[Tensor, " s"] | None = None
    boxes: Float[Tensor, "g 4"] | None = None
    classes: Int[Tensor, " g"] | None = None
    masks: BitmapMasks | None = None
    semantic: UInt8[Tensor, "h w"] | None = None

    @classmethod
    def of(cls, sample: DetDataSample) -> "ImageLabels":
        """The labels that a sample carries."""
        boxes = sample.gt_instances if "gt_instances" in sample else {}
        return cls(
            image_id=sample.img_id,
            owned=Labels(sample.get("label_set", 0)),
            size=sample.img_shape,
            thing_tags=sample.get("thing_tags"),
            stuff_tags=sample.get("stuff_tags"),
            boxes=boxes.get("bboxes"),
            classes=boxes.get("labels"),
            masks=boxes.get("masks"),
            semantic=sample.gt_sem_seg.sem_seg[0] if "gt_sem_seg" in sample else None,
        )


@dataclass(frozen=True)
class SemanticView:
    """The semantic branch on the images that need it.

    Args:
        index: position in the batch of each image here.
        images: what they own.
        feature: what the logits are made from, at stride 4; zero-padded images keep values in the padding.
        logits: s stuff classes and, last, the merged things class.
        valid: False where a cell of the logits lies in the padding.
        pixels: function that gives the images as RGB in 0..255, `m 3 H W`.
        shared: for what the stages' auxiliaries make of the branch once, by keys of their own.
    """

    index: Sequence[int]
    images: Sequence[ImageLabels]
    feature: Float[Tensor, "m c h w"]
    logits: Float[Tensor, "m s_th h w"]
    valid: Bool[Tensor, "m h w"]
    pixels: Callable[[], Float[Tensor, "m 3 H W"]]
    shared: dict[object, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class StageView:
    """One cascade stage on the RoIs of the images that pass it.

    RoIs of images with boxes are sampled as the stage samples them and come first; those of the others are all that
    the stage before kept.

    Args:
        stage: 0 for the first.
        images: every image of the batch; `image_index` points into it.
        image_index: the image of each RoI.
        boxes: xyxy in pixels of the padded batch.
        feature: RoI feature maps.
        region: the vector that the classifier reads.
        class_logits: t things and, last, background.
        box_deltas: in the stage's own box coding; 4 or 4 t columns.
        class_targets: t for background, `UNSAMPLED` where the image owns no boxes; all `UNSAMPLED` at test.
        box_targets: in the stage's own box coding, meaningful where the class target is a thing.
        matched: index in the image's boxes of a positive RoI, else -1.
        mask_logits: function from RoI positions (k) to the stage's mask logits (k t p p) there or, with a second
            argument, in other boxes of the same images (k 4).
        semantic: the semantic branch; None when no image of the batch needs it.
    """

    stage: int
    images: Sequence[ImageLabels]
    image_index: Int[Tensor, " n"]
    boxes: Float[Tensor, "n 4"]
    feature: Float[Tensor, "n c p p"]
    region: Float[Tensor, "n d"]
    class_logits: Float[Tensor, "n t_bg"]
    box_deltas: Float[Tensor, "n e"]
    class_targets: Int[Tensor, " n"]
    box_targets: Float[Tensor, "n 4"]
    matched: Int[Tensor, " n"]
    mask_logits: Callable[..., Tensor]
    semantic: SemanticView | None


@dataclass(frozen=True)
class Enhanced:
    """Scores of an auxiliary, to be averaged with the network's own logits at test; None has nothing to say."""

    class_logits: Tensor | None = None
    box_deltas: Tensor | None = None
    semantic_logits: Tensor | None = None


class Mean(NamedTuple):
    """A loss that is a mean, and over how many things: with that, several processes average as one.

    Args:
        value: the mean; a connected zero where there is nothing.
        over: how many images, RoIs or pixels there are, in this process.
    """

    value: Tensor
    over: Tensor | int


Losses = Mapping[str, Tensor | Mean]


class Auxiliary(BaseModule):
    """What both kinds share: the labels it learns from.

    Attributes:
        name: prefix of its losses.
        needs: labels of which an image must own all.
        absent: labels of which it may own none.
        means: the losses that it returns as a `Mean`, whatever the batch holds. Others are averaged over the processes
            as they are.
    """

    name: ClassVar[str]
    means: tuple[str, ...] = ()
    needs: ClassVar[Labels] = Labels(0)
    absent: ClassVar[Labels] = Labels(0)

    def asks_for(self, owned: Labels) -> bool:
        """Whether it learns from an image that owns these labels."""
        return self.needs in owned.implied and not owned.implied & self.absent


class StageAuxiliary(Auxiliary):
    """Looks at each stage of the cascade; one instance per stage, its losses weighted by the stage's lambda.

    Images that it asks for pass the cascade even when they own no boxes.

    Attributes:
        reads_semantic: whether the semantic branch must have seen those images as well.
    """

    reads_semantic: ClassVar[bool] = False

    @abstractmethod
    def loss(self, view: StageView) -> Losses:
        """Losses over the images that it asks for; a connected zero where there are none."""

    def enhance(self, view: StageView) -> Enhanced:
        """Scores to average into the network's at test."""
        return Enhanced()


class SemanticAuxiliary(Auxiliary):
    """Looks at the semantic branch, which then sees the images that it asks for."""

    @abstractmethod
    def loss(self, view: SemanticView) -> Losses:
        """Losses over the images that it asks for; a connected zero where there are none."""

    def enhance(self, view: SemanticView) -> Enhanced:
        """Scores to average into the network's at test."""
        return Enhanced()


def zero_counts(auxiliaries: Sequence[Auxiliary], prefix: str = "") -> dict[str, Tensor | int]:
    """A count of 0 for each loss that is a mean, which every process then adds up, whatever its batch holds."""
    return {f"{prefix}{each.name}.{name}": 0 for each in auxiliaries for name in each.means}


def split_means(auxiliary: Auxiliary, losses: Losses) -> tuple[dict[str, Tensor], dict[str, Tensor | int]]:
    """The values of an auxiliary's losses, under their full names, and the counts of those that are means.

    Raises:
        TypeError: when a loss is a `Mean` that the auxiliary does not list, or the reverse.
    """
    values, counts = dict[str, Tensor](), dict[str, Tensor | int]()
    for name, loss in losses.items():
        full = f"{auxiliary.name}.{name}"
        if isinstance(loss, Mean) is not (name in auxiliary.means):
            wanted, got = ("a Mean", "a tensor") if name in auxiliary.means else ("a tensor", "a Mean")
            raise TypeError(f"{full}: wanted {wanted}, as {type(auxiliary).__name__}.means says, got {got}")
        values[full] = loss.value if isinstance(loss, Mean) else loss
        if isinstance(loss, Mean):
            counts[full] = loss.over
    return values, counts
