"""CAM: activation maps of a tag classifier become pseudo labels of stuff (Zhou et al. 2016)."""

from typing import Any

from cqb_bench.method import Method, with_auxiliary
from cqb_core import Labels


def _configure(config: dict[str, Any]) -> dict[str, Any]:
    """Pseudo labels begin when the learning rate has been at its height for as long as it climbed."""
    ramps = (each for each in config.get("param_scheduler") or () if each["type"] == "LinearLR")
    climbed = max((ramp["end"] for ramp in ramps if not ramp.get("by_epoch", True)), default=0)
    return with_auxiliary(config, "Cam", warm_up=2 * climbed)


METHOD = Method(
    name="cam",
    title="CAM",
    task="semantic",
    rest=Labels.IMAGE,
    source=(
        "Zhou, Khosla, Lapedriza, Oliva, Torralba: Learning Deep Features for Discriminative Localization, CVPR 2016"
    ),
    configure=_configure,
    registers=("cqb_bench.methods.cam.auxiliary",),
)
