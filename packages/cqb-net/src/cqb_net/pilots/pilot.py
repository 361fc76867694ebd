"""One pilot: everything that decides its result, and the key that follows from that.

Importing this is quick, since a process that a pilot is sent to imports it before it knows what to do.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any

from cqb_core import InputError, Labels

if TYPE_CHECKING:
    from mmengine.config import Config

AUXILIARIES = "model.auxiliaries"


@dataclass(frozen=True)
class Recipe:
    """How every pilot of a sweep is trained, apart from labels, modules and seed.

    Args:
        name: of the config.
        content: of the config, with epochs and options applied and all its auxiliaries.
        options: entries that override what training itself sets; those of auxiliaries are in `content` already.
    """

    name: str
    content: Mapping[str, Any]
    options: Mapping[str, Any]

    @classmethod
    def of(
        cls,
        config: str | PathLike[str],
        epochs: int | None = None,
        options: Mapping[str, Any] | None = None,
        trust_config: bool = False,
    ) -> "Recipe":
        """Read a config by name or path, stretch its schedule and override its entries, as `train` would.

        Validation during training is left out, since every pilot is scored once, at its end; options may ask for it.

        Raises:
            InputError: see `load_config` and `override`.
        """
        from cqb_core.training.config import load_config, override
        from cqb_core.training.schedule import set_epochs

        made, given = load_config(config, trust_config), dict(options or {})
        if epochs is not None:
            set_epochs(made, epochs)
        if "max_epochs" in made.train_cfg:
            made.train_cfg.val_begin = given.get("train_cfg.max_epochs", made.train_cfg.max_epochs) + 1
        override(made, given)
        kept = {key: value for key, value in given.items() if not f"{key}.".startswith(f"{AUXILIARIES}.")}
        return cls(str(config), made.to_dict(), kept)

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of the content."""
        return _digest(self.content)

    def with_modules(self, modules: Sequence[str]) -> dict[str, Any]:
        """The content with only those auxiliaries on, in the order of the config.

        Raises:
            InputError: naming a module that the config lacks.
        """
        from cqb_core.training.config import meant

        model = self.content["model"]
        there = list(model.get("auxiliaries") or ())
        known = [auxiliary["type"] for auxiliary in there]
        for module in modules:
            if module not in known:
                got = f"{', '.join(known) or 'none'}{meant(module, known)}"
                raise InputError(self.name, AUXILIARIES, f"{module}, which a row of the sweep switches on", got)
        kept = [auxiliary for auxiliary in there if auxiliary["type"] in modules]
        return {**self.content, "model": {**model, "auxiliaries": kept}}


@dataclass(frozen=True)
class Pilot:
    """One training.

    Args:
        config: its content, with only the auxiliaries that are on.
        name: of the config.
        options: see `Recipe`.
        allocation: share of the images per label set.
        seed: of assignment, weights, order and augmentation.
        fingerprint: of the data set.
    """

    config: Mapping[str, Any]
    name: str
    options: Mapping[str, Any]
    allocation: Mapping[Labels, float]
    seed: int
    fingerprint: str

    @property
    def modules(self) -> tuple[str, ...]:
        """Types of the auxiliaries that are on."""
        return tuple(auxiliary["type"] for auxiliary in self.config["model"].get("auxiliaries") or ())

    @cached_property
    def key(self) -> str:
        """Names the pilot: 16 hexadecimal digits of a hash of all that decides its result, where it lies apart."""
        shares = {owned.short: f"{share:.9f}" for owned, share in self.allocation.items()}
        return _digest([self.config, shares, self.modules, self.seed, self.fingerprint])[:16]

    def mmengine_config(self) -> "Config":
        """The config as mmengine wants it."""
        from mmengine.config import Config

        return Config(dict(self.config))


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=repr).encode()).hexdigest()
