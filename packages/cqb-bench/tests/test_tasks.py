import pytest

from cqb_bench.tasks import TASKS, task_named
from cqb_core import InputError, Labels


def test_tasks_are_those_of_the_figure():
    assert {name: (terms.metric, terms.rest, terms.upper) for name, terms in TASKS.items()} == {
        "detection": ("box_ap", Labels.IMAGE, Labels.BOX),
        "semantic": ("miou", Labels.IMAGE, Labels.STUFF),
        "instance": ("mask_ap", Labels.BOX, Labels.MASK),
    }


def test_a_task_is_named_in_any_case():
    assert task_named(" Detection ") == "detection"


def test_a_word_that_is_none_is_refused_with_a_guess():
    with pytest.raises(InputError) as caught:
        task_named("detektion")
    wanted = "one of detection, semantic, instance, got 'detektion' (did you mean detection?)"
    assert str(caught.value) == f"--task: task: wanted {wanted}"
