"""Box2Mask for a detector: frames, colours and the loss, on what detectors keep, lists with an entry an image."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from jaxtyping import Float, Int
from torch import Tensor

from cqb_weak.box2mask.colour import cell_colours
from cqb_weak.box2mask.frames import narrow, widen
from cqb_weak.box2mask.loss import Box2MaskLoss
from cqb_weak.form import Form
from cqb_weak.ragged import image_index, one_table

_IMAGES = Form("images: floating b 3 height width", "frames: floating _ 4", "mask_logits: floating _ _ h w")


@dataclass(frozen=True)
class Box2Mask:
    """In training pool masks from `frames`; in use from `wide` frames, from which `fitted` brings them to the boxes.

    Args:
        loss: on the masks in their frames.
        colour_weight: weight of the loss's structure term when images are given; neighbours that differ in colour are
            not tied then, so it may be larger.
        factor: how much wider than a box the frames in use are.
        jitter: up to which share of a box's side an edge of a frame in training moves.
    """

    loss: Box2MaskLoss = field(default_factory=Box2MaskLoss)
    colour_weight: float = 1.0
    factor: float = 1.3
    jitter: float = 0.3

    def frames(self, boxes: Sequence[Float[Tensor, "_ 4"]]) -> list[Float[Tensor, "_ 4"]]:
        """For training: frames around the proposals of each image, at random."""
        around = widen(one_table("boxes", boxes, boxes), self.factor, jitter=self.jitter)
        return list(around.split([len(own) for own in boxes]))

    def wide(self, boxes: Float[Tensor, "n 4"]) -> Float[Tensor, "n 4"]:
        """In use: frames around the boxes."""
        return widen(boxes, self.factor)

    def fitted(self, masks: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """Masks over `wide` frames as masks over the boxes."""
        return narrow(masks, self.factor)

    def __call__(
        self,
        mask_logits: Float[Tensor, "n t h w"],
        frames: Sequence[Float[Tensor, "_ 4"]],
        gt_boxes: Sequence[Float[Tensor, "_ 4"]],
        classes: Sequence[Int[Tensor, " _"]],
        images: Float[Tensor, "b 3 height width"] | None = None,
        step: int | None = None,
    ) -> dict[str, Tensor]:
        """`loss_mil` and `loss_structure` of positive proposals.

        Args:
            mask_logits: of all images, one after the other, a channel a class.
            frames: of each image, what the masks were pooled from, xyxy in pixels.
            gt_boxes: of each image, the boxes that its frames are matched with.
            classes: of each image, the channels of those boxes.
            images: sRGB from 0 to 1 (not normalised by a mean); then only neighbours of like colour are tied.
            step: how many steps the training has made; wanted with the loss's `warmup`.

        Raises:
            TypeError, ValueError: naming the argument that is wrong.
        """
        rois = one_table("frames", frames, frames)
        boxes, channels = one_table("gt_boxes", gt_boxes, frames), one_table("classes", classes, frames)
        if images is None:
            return self.loss(mask_logits, rois, boxes, channels, step=step)
        size = _IMAGES.check(images, rois, mask_logits, b=len(frames))
        colours = cell_colours(images, image_index(frames), rois, (size["h"], size["w"]))
        return self._coloured(mask_logits, rois, boxes, channels, colours=colours, step=step)

    @cached_property
    def _coloured(self) -> Box2MaskLoss:
        return replace(self.loss, structure_weight=self.colour_weight)
