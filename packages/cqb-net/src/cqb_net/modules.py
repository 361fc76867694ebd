"""Switch modules of CQB-Net off: that is what baselines are."""

from collections.abc import Sequence
from os import PathLike

from mmengine.config import Config

from cqb_core import InputError
from cqb_core.training.config import load_config, meant


def without(config: str | PathLike[str] | Config, modules: Sequence[str]) -> Config:
    """A config without some of its auxiliaries; the order of the others stays.

    Args:
        config: its name, its path if it is an installed one, or the config itself.
        modules: types of auxiliaries, such as `Cls2Box`, in any case; `all` for every one.

    Raises:
        InputError: naming those that it has, when one of `modules` is none of them.
    """
    made = load_config(config)
    kept = list(made.model.get("auxiliaries", ()))
    for module in modules:
        known = [auxiliary.type for auxiliary in kept]
        if module.lower() == "all":
            kept = []
        elif module.lower() in map(str.lower, known):
            kept = [auxiliary for auxiliary in kept if auxiliary.type.lower() != module.lower()]
        else:
            wanted = f"one of {', '.join(known)}" if known else "nothing: it has no module left"
            raise InputError("--without", str(config), wanted, module + meant(module, known))
    made.model.auxiliaries = kept
    return made
