"""What several verbs read from their options."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cqb_net.pilots import Executor

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
