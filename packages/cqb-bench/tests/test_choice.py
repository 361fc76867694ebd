import pytest

from cqb_bench.choice import chosen
from cqb_core import InputError, Labels


def names(*arguments):
    return [method.name for method in chosen(*arguments)]


def test_ours_comes_first_asked_for_or_not():
    assert names("detection", Labels.IMAGE, ["WSDDN "]) == ["cls2box", "wsddn"]
    assert names("detection", Labels.IMAGE, ["wsddn", "cls2box", "melm", "melm"]) == ["cls2box", "melm", "wsddn"]
    assert names("instance", Labels.BOX, ["box2mask"]) == ["box2mask"]


def test_all_are_those_of_the_task():
    assert {"cls2box", "melm", "wsddn"} <= set(names("detection", Labels.IMAGE, ["all"]))
    assert names("semantic", Labels.IMAGE, ["all"])[0] == "cls2pixel"
    assert not set(names("semantic", Labels.IMAGE, ["all"])) & set(names("detection", Labels.IMAGE, ["all"]))


@pytest.mark.parametrize(("task", "rest", "name", "message"), [
    ("detection", Labels.IMAGE, "wsdn",
     r"--methods: method: wanted one for detection that learns from I \(cls2box, .*wsddn.*\), "
     r"got 'wsdn' \(did you mean wsddn\?\)"),
    ("detection", Labels.IMAGE, "cls2pixel",
     r"--methods: task: wanted a method for detection \(cls2box, .*\), got cls2pixel, one for semantic"),
    ("detection", Labels.BOX, "wsddn",
     r"--methods: labels: wanted a method that learns from B \(none\), got wsddn, which learns from I"),
    ("detection", Labels.BOX, "all",
     r"--rest: labels: wanted labels that some method learns from: I \(cls2box, .*\), got B"),
    ("instance", Labels.PANOPTIC, "all", r"--rest: labels: wanted labels .*: B \(box2mask, .*\), got P"),
])  # fmt: skip
def test_a_method_that_cannot_take_part_is_told_and_those_that_can_are_listed(task, rest, name, message):
    with pytest.raises(InputError, match=f"^{message}$"):
        chosen(task, rest, [name])
