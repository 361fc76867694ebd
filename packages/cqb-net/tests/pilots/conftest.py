import pytest

from cqb_net.pilots.planning import plan_sweep
from cqb_net.pilots.protocol import named_rows, table2

RESULT = {
    "images": 8,
    **{
        f"{m}{b}": 10.0 * (1 + i) + j
        for i, m in enumerate(("pq", "sq", "rq"))
        for j, b in enumerate(("", "_th", "_st"))
    },
    "box_ap": 15.0,
    "mask_ap": 12.5,
    "miou": 40.0,
    "val_images": 3,
    "iterations": 4,
    "sessions": 1,
    "wall_seconds": 1.5,
    "cpu_seconds": 1.0,
    "machine": "x86_64",
    "versions": "python 3",
    "commit": "",
}


@pytest.fixture
def result():
    """What a training tells, as if it had been run."""
    return dict(RESULT)


@pytest.fixture(scope="session")
def recipe():
    from cqb_net.pilots.pilot import Recipe

    return Recipe.of("cqb-net_tiny_scenes", 1)


@pytest.fixture
def sweep_of(scenes, recipe):
    """A function from names of rows, shares and seeds to a sweep on the drawn scenes."""

    def plan(*names, shares=(0.5,), seeds=1):
        return plan_sweep(scenes, recipe, table2(named_rows(names), shares, seeds), allow_unseen=True)

    return plan
