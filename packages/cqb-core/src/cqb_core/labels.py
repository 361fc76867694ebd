"""What an annotator has drawn on an image: a set of label kinds, not one name."""

from enum import Flag, auto
from functools import reduce
from operator import or_

from cqb_core.errors import InputError


class Labels(Flag):
    """The label kinds that an image owns.

    IMAGE says which things and stuff are in the image, BOX encloses each thing, MASK outlines each thing and STUFF
    colours every stuff pixel. PANOPTIC is all four. The paper's P, I, B and S_st (Sec. "Problem Formulation") are
    PANOPTIC, IMAGE, BOX and STUFF.
    """

    IMAGE = auto()
    BOX = auto()
    MASK = auto()
    STUFF = auto()
    PANOPTIC = IMAGE | BOX | MASK | STUFF

    @property
    def implied(self) -> "Labels":
        """These labels and those that they contain: a mask has a tight box. Tags are no label of their own here,
        since boxes imply those of things only and stuff maps those of stuff only (`thing_tags`, `stuff_tags`).
        """
        return self | Labels.BOX if Labels.MASK in self else self

    @property
    def thing_tags(self) -> bool:
        """Whether these labels tell which thing classes are in the image."""
        return bool(self & (Labels.IMAGE | Labels.BOX | Labels.MASK))

    @property
    def stuff_tags(self) -> bool:
        """Whether these labels tell which stuff classes are in the image."""
        return bool(self & (Labels.IMAGE | Labels.STUFF))

    @property
    def short(self) -> str:
        """The name used on the command line and in files: `P`, `I`, `B+S`; `none` when nothing is owned."""
        if self == Labels.PANOPTIC:
            return "P"
        return "+".join(name for name, kind in SHORT.items() if kind & self and name != "P") or "none"

    @classmethod
    def parse(cls, text: str) -> "Labels":
        """The set written as `P`, `I`, `B`, `M`, `S`, a sum of them such as `B+S`, a long name such as `BOX`, or
        `none`.

        Raises:
            InputError: naming the word that is no label kind.
        """
        if text.strip().lower() == "none":
            return cls(0)
        return reduce(or_, (_parse_one(cls, word.strip(), text) for word in text.split("+")))


def _parse_one(cls: type[Labels], word: str, text: str) -> Labels:
    if word.upper() in SHORT:
        return SHORT[word.upper()]
    if word.upper() in cls.__members__:
        return cls[word.upper()]
    raise InputError("labels", repr(text), f"one of {', '.join(SHORT)}, none, or a sum such as B+S", repr(word))


SHORT: dict[str, Labels] = {
    "P": Labels.PANOPTIC,
    "I": Labels.IMAGE,
    "B": Labels.BOX,
    "M": Labels.MASK,
    "S": Labels.STUFF,
}
