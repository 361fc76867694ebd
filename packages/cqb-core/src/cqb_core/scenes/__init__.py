"""Drawn images of everyday scenes with exact panoptic labels, whose things belong to certain stuff."""

from cqb_core.scenes.classes import STUFF, TAXONOMY, THINGS, ThingClass
from cqb_core.scenes.draw import draw_scene
from cqb_core.scenes.style import SceneStyle
from cqb_core.scenes.write import write_scenes

__all__ = ["STUFF", "TAXONOMY", "THINGS", "SceneStyle", "ThingClass", "draw_scene", "write_scenes"]
