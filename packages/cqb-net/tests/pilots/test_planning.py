import io

import pytest
from rich.console import Console

from cqb_core import InputError, Labels
from cqb_net.pilots.planning import plan_sweep
from cqb_net.pilots.protocol import ROWS, Entry, named_rows, table2


def test_runs_that_coincide_are_trained_once(sweep_of):
    """Of 15 runs a seed and share, I and S are baselines or uppers of two rows, B of three and B+S of two."""
    sweep = sweep_of(*(row.name for row in ROWS), shares=(0.25, 0.5), seeds=2)
    assert sum(len(planned.entries) for planned in sweep.trainings) == 15 * 2 * 2
    assert len(sweep.trainings) == 10 * 2 * 2
    assert len({planned.pilot.key for planned in sweep.trainings}) == len(sweep.trainings)
    for planned in sweep.trainings:
        for entry in planned.entries:
            assert entry.allocation == planned.pilot.allocation
            assert (entry.modules, entry.seed) == (planned.pilot.modules, planned.pilot.seed)
    shared = {tuple(f"{e.module} {e.variant}" for e in planned.entries) for planned in sweep.trainings}
    assert ("Box2Mask baseline", "Relation th->st baseline", "Cls2Box upper") in shared


def test_with_all_images_panoptic_labels_of_the_rest_are_no_difference(sweep_of):
    sweep = sweep_of(*(row.name for row in ROWS), shares=(1.0,))
    assert [planned.pilot.modules for planned in sweep.trainings] == [
        (),
        ("Cls2Box",),
        ("Box2Mask",),
        ("Relation",),
        ("Cls2Pixel",),
    ]


def test_the_table_shows_trainings_and_what_each_is_for(sweep_of):
    text = io.StringIO()
    Console(file=text, width=140).print(sweep_of("Cls2Box", "Cls2Pixel").table())
    assert "5 trainings for 6 rows of the table of pilots" in text.getvalue()
    assert "1 rows coincide with another one's training" in text.getvalue()
    assert "P 0.5, I 0.5" in text.getvalue()


def test_a_share_without_an_image_is_named(scenes, recipe):
    with pytest.raises(InputError) as caught:
        plan_sweep(scenes, recipe, table2(named_rows(["Cls2Box"]), [0.01], 1), allow_unseen=True)
    wanted = (
        "Cls2Box baseline, 0.01 P + I, seed 0: wanted at least one of 8 images with labels P, got none at share 0.01"
    )
    assert str(caught.value) == f"pilots: {wanted}"


def test_classes_that_no_image_shows_are_listed(scenes, recipe):
    """Every image of the scenes shows some of the things; boat and tree are in none, and boxes tell of no stuff."""
    with pytest.raises(InputError) as caught:
        plan_sweep(scenes, recipe, table2(named_rows(["Cls2Box"]), [0.5], 1))
    wanted = "wanted an image that shows each class (or --allow-unseen), got none for boat, tree"
    assert str(caught.value) == f"pilots: Cls2Box baseline, 0.5 P + I, seed 0: {wanted}"
    one = [Entry(Labels.BOX, 0.125, "baseline", "", (), 0, "all")]
    with pytest.raises(InputError, match="boat, tree, .*(sky|hill|water|sand|grass|road|wall)"):
        plan_sweep(scenes, recipe, one)


def test_a_module_that_the_config_lacks_stops_the_plan(scenes):
    from cqb_net.pilots.pilot import Recipe

    bare = Recipe.of("panoptic-cascade_tiny_scenes")
    with pytest.raises(InputError, match=r"model\.auxiliaries: wanted Cls2Box"):
        plan_sweep(scenes, bare, table2(named_rows(["Cls2Box"]), [0.5], 1), allow_unseen=True)


def test_there_must_be_something_to_run(scenes, recipe):
    with pytest.raises(InputError, match="pilots: entries: wanted at least one, got none"):
        plan_sweep(scenes, recipe, [])
