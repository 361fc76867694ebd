"""What the scenes show: seven kinds of stuff and ten of things, which come as five pairs of twins.

The two classes of a family share their outline, colours and patterns; the stuff that each belongs to is its home.
"""

from dataclasses import dataclass

from cqb_core.taxonomy import Category, Taxonomy

STUFF = ("sky", "hill", "water", "sand", "grass", "road", "wall")


@dataclass(frozen=True)
class ThingClass:
    """A thing: its name, the family of outlines that it is drawn from, and the stuff that it belongs to."""

    name: str
    family: str
    home: str


THINGS = (
    ThingClass("boat", "sail", "water"),
    ThingClass("tent", "sail", "grass"),
    ThingClass("car", "wheeled", "road"),
    ThingClass("tractor", "wheeled", "grass"),
    ThingClass("lily", "star", "water"),
    ThingClass("starfish", "star", "sand"),
    ThingClass("tree", "crown", "grass"),
    ThingClass("parasol", "crown", "sand"),
    ThingClass("kite", "diamond", "sky"),
    ThingClass("sign", "diamond", "wall"),
)

COLORS = {
    "boat": (220, 20, 60),
    "tent": (255, 127, 14),
    "car": (0, 0, 142),
    "tractor": (106, 0, 228),
    "lily": (255, 105, 180),
    "starfish": (250, 200, 20),
    "tree": (0, 110, 60),
    "parasol": (0, 190, 200),
    "kite": (165, 42, 42),
    "sign": (199, 100, 250),
    "sky": (120, 180, 240),
    "hill": (110, 130, 100),
    "water": (50, 90, 200),
    "sand": (225, 205, 150),
    "grass": (110, 200, 80),
    "road": (128, 128, 128),
    "wall": (180, 110, 90),
}

TAXONOMY = Taxonomy(
    tuple(Category(i + 1, thing.name, True, COLORS[thing.name]) for i, thing in enumerate(THINGS)),
    tuple(Category(i + 101, name, False, COLORS[name]) for i, name in enumerate(STUFF)),
)
"""Published ids: things from 1, stuff from 101."""
