"""What several verbs read from their options."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cqb_net.pilots import Executor

Epochs = Annotated[int | None, typer.Option(min=1, help="Length of every training, schedule stretched.")]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Trainings at a time here; one a GPU, or 2 without GPU, by default.")
]
RayAddress = Annotated[
    str | None, typer.Option("--ray", metavar="ADDRESS", help="Run on this Ray cluster (extra: ray).")
]
Limit = Annotated[float | None, typer.Option(min=0, help="Minutes after which a training is stopped.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", help="Config entry to override, such as train_dataloader.batch_size=8.")
]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="Try again what failed before.")]
KeepWeights = Annotated[bool, typer.Option("--keep-weights", help="Keep checkpoints of what is done.")]
Reuse = Annotated[
    list[Path] | None,
    typer.Option("--reuse", help="runs.csv of another folder, whose equal trainings are not done again."),
]
AllowUnseen = Annotated[
    bool, typer.Option("--allow-unseen", help="Go on when no image of an assignment shows some class.")
]
Check = Annotated[bool, typer.Option(help="Look at every file before the first training.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be trained.")]
TrustConfig = Annotated[
    bool,
    typer.Option(
        "--trust-config", help="Read CONFIG from a file. It is Python, and what it says runs with your rights."
    ),
]
"""A config that no installed package brought needs the user's word."""


def numbers(text: str, option: str) -> list[float]:
    """`0.1,0.3` as numbers.

    Raises:
        InputError: naming the option.
    """
    from cqb_core import InputError

    try:
        return [float(word) for word in text.split(",")]
    except ValueError:
        raise InputError(option, repr(text), "numbers such as 0.1,0.3,0.5", "something else") from None


def executor_of(workers: int | None, address: str | None) -> "Executor":
    """Processes of this machine, or the Ray cluster at an address.

    Raises:
        InputError: when both are asked for.
    """
    from cqb_core import InputError
    from cqb_net.pilots import LocalProcesses, RayCluster
    from cqb_net.pilots.local import gpus_here

    if address is None:
        return LocalProcesses(workers, gpus_here())
    if workers is not None:
        raise InputError("--workers", "workers", "none with --ray, whose cluster decides", str(workers))
    return RayCluster(address)
