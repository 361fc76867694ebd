"""The knobs of the drawn scenes: how much stuff tells about things, and how hard the pictures are."""

from dataclasses import dataclass, fields
from math import isfinite

from cqb_core.errors import InputError

Number = int | float

SHARES = ("coherence", "ambiguity", "noise", "occlusion", "void", "crowd")
"""Knobs that lie in [0, 1]."""


@dataclass(frozen=True)
class SceneStyle:
    """What the scenes are like.

    Args:
        size: least and greatest width and height in pixels; each is drawn on its own.
        things: least and greatest number of things that are tried in an image; those hidden by others are left out.
        coherence: 0 puts any thing on any stuff; 1 puts each only on the stuff that it belongs to.
        ambiguity: the share of things that are drawn without their class's own mark, so that only the stuff around
            them tells them from their twin class (a boat from a tent).
        occlusion: the share of things that are put in front of or behind another.
        scale: factor on the size of things, above 0.
        noise: 0 is clean; 1 has strong sensor noise, blur and uneven light.
        void: the share of stuff borders that stay unlabelled, and of images with an object that has no class.
        crowd: the share of images with a flock that is labelled as one crowd.

    Raises:
        InputError: naming the knob that is out of its range.
    """

    size: tuple[int, int] = (96, 128)
    things: tuple[int, int] = (2, 7)
    coherence: Number = 0.9
    ambiguity: Number = 0.6
    occlusion: Number = 0.35
    scale: Number = 1
    noise: Number = 0.4
    void: Number = 0.2
    crowd: Number = 0.08

    def __post_init__(self) -> None:
        _require_range("size", self.size, 32, 4096)
        _require_range("things", self.things, 0, 100)
        for name in SHARES:
            if not 0 <= getattr(self, name) <= 1:
                raise InputError("scene style", name, "a share in [0, 1]", getattr(self, name))
        if not (isfinite(self.scale) and 0 < self.scale <= 4):
            raise InputError("scene style", "scale", "a factor above 0 and at most 4", self.scale)

    def to_json(self) -> dict[str, object]:
        """The knobs by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def _require_range(name: str, value: tuple[int, int], least: int, most: int) -> None:
    if not least <= value[0] <= value[1] <= most:
        raise InputError("scene style", name, f"two integers, rising, in {least}..{most}", value)
