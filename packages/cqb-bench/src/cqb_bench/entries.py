"""What a comparison trains: each method at each share and seed, beside the same labels alone and finer ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cqb_bench.catalogue import methods, registered
from cqb_bench.method import Method, Task
from cqb_bench.tasks import TASKS
from cqb_core import Labels
from cqb_net.pilots.pilot import Recipe

BASELINE, UPPER = "baseline", "upper"
"""Names of the runs without a method: on the same labels, and on finer ones."""


@dataclass(frozen=True)
class Entry:
    """One row of the results.

    Args:
        task: what is compared.
        method: its name, `BASELINE` or `UPPER`.
        rest: labels of the images that are not fully labelled.
        share: of the fully labelled images, above 0 and at most 1.
        seed: of the assignment, the weights and the order of images.
    """

    task: Task
    method: str
    rest: Labels
    share: float
    seed: int

    @property
    def allocation(self) -> Mapping[Labels, float]:
        """Share of the images per label set."""
        if self.share >= 1:
            return {Labels.PANOPTIC: 1.0}
        return {Labels.PANOPTIC: self.share, self.rest: 1 - self.share}

    @property
    def title(self) -> str:
        """The row in a few words."""
        return f"{self.purpose}, {self.share:g} P + {self.rest.short}, seed {self.seed}"

    @property
    def purpose(self) -> str:
        """Task and method."""
        return f"{self.task} {self.method}"


def entries(task: Task, rest: Labels, compared: Sequence[Method], shares: Sequence[float], seeds: int) -> list[Entry]:
    """The rows of a comparison, seed by seed and share by share, so that an early stop leaves whole comparisons.

    Args:
        task: what is compared.
        rest: what the images without full labels own.
        compared: the methods.
        shares: of fully labelled images.
        seeds: how many; they are 0, 1, ...
    """
    runs = [(BASELINE, rest), *((method.name, rest) for method in compared), (UPPER, TASKS[task].upper)]
    return [
        Entry(task, name, owned, share, seed)
        for seed in range(seeds)
        for share in dict.fromkeys(shares)
        for name, owned in runs
    ]


def configured(recipe: Recipe, entry: Entry) -> dict[str, Any]:
    """The content of the config that an entry trains.

    Without a method it is the recipe's without auxiliaries. A method adds itself to that; where the recipe's config
    lists an auxiliary of the same type, the options that it has there hold.
    """
    bare = recipe.with_modules(())
    if entry.method in (BASELINE, UPPER):
        return bare
    method = next(method for method in methods() if method.name == entry.method)
    made = method.configure(bare)
    listed = {each["type"]: each for each in recipe.content["model"].get("auxiliaries") or ()}
    plugged = [{**each, **listed.get(each["type"], {})} for each in made["model"].get("auxiliaries") or ()]
    imports = dict(made.get("custom_imports") or {"allow_failed_imports": False})
    imports["imports"] = list(dict.fromkeys([*imports.get("imports", ()), *registered([method])]))
    return {**made, "model": {**made["model"], "auxiliaries": plugged}, "custom_imports": imports}
