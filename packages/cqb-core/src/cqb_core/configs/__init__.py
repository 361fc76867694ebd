"""mmdet configs.

One in another place inherits one of these so, since mmengine evaluates the line before it reads the rest:
`_base_ = __import__("cqb_core.configs").configs.path("panoptic-cascade_r50_fpn_24e_coco")`.
"""

from pathlib import Path


def path(name: str) -> str:
    """The file of a config in this folder.

    Raises:
        FileNotFoundError: when there is none of that name.
    """
    file = Path(__file__).parent / f"{name}.py"
    if not file.is_file():
        raise FileNotFoundError(f"wanted a config of cqb-core, got {name!r}")
    return str(file)
