import json
from dataclasses import replace

import numpy as np
import pytest

from cqb_pareto.confidence import Band, Probabilities
from cqb_pareto.errors import InputError
from cqb_pareto.plan import Cost, Fronts, Option, Plan
from cqb_pareto.plan_file import read_plan, write_plan

BAND = Band(30.0, 29.0, 31.5)
PLAN = Plan(
    goal={"kind": "budget", "value": 0.3, "unit": "relative"},
    images=8,
    counts={"P": 2, "B+S": 6},
    bought={"P": 2, "B+S": 6},
    allocation={"P": 0.25, "B+S": 0.75},
    pq=BAND,
    cost=Cost(Band(0.3, 0.2, 0.4), Band(3.0, 2.0, 4.0), None, "USD"),
    probabilities=Probabilities(0.9, 0.8, 0.7, None, 0.1),
    runners_up=[Option({"P": 1.0}, 0.3, BAND)],
    fronts=Fronts([[0.1, 20.0]], [[0.1, 21.0], [0.2, 22.0]], []),
    families={"things": {"family": "cubic", "leave_one_out": 0.5, "extrapolation": float("nan")}},
    prices={"P": 1.0, "name": "paper-text"},
    notes=["a note"],
)


def nested(levels):
    return {"a": nested(levels - 1)} if levels else 1


@pytest.fixture
def refused(tmp_path):
    """A function from a change of a plan's JSON to what the reader says of it."""

    def say(change):
        path = write_plan(PLAN, tmp_path / "plan.json")
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))
        with pytest.raises(InputError) as caught:
            read_plan(path)
        assert caught.value.where == str(path)
        return str(caught.value).removeprefix(f"{path}: ")

    return say


def test_a_plan_comes_back_as_it_was_written(tmp_path):
    read = read_plan(write_plan(PLAN, tmp_path / "plan.json"))
    assert np.isnan(read.families["things"]["extrapolation"])
    unmeasured = {"things": {**read.families["things"], "extrapolation": None}}
    wanted = {"things": {**PLAN.families["things"], "extrapolation": None}}
    assert replace(read, families=unmeasured) == replace(PLAN, families=wanted)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["pq"].pop("low"), "fields: wanted those of a plan, with a number as pq.low, got nothing"),
        (lambda c: c["pq"].update(mid="30"), "with a number as pq.mid, got str"),
        (lambda c: c["pq"].update(mid=True), "with a number as pq.mid, got bool"),
        (lambda c: c["pq"].update(mid=10**400), "with a number as pq.mid, got one too large"),
        (lambda c: c.update(images=8.0), "with a whole number as images, got float"),
        (lambda c: c.update(notes="x"), "with a list as notes, got str"),
        (lambda c: c.update(notes=[3]), "with text as notes[0], got int"),
        (lambda c: c.update(allocation=[]), "with an object as allocation, got list"),
        (lambda c: c["counts"].update(P=None), "with a whole number as counts.P, got nothing"),
        (lambda c: c["cost"].update(money=3), "with an object as cost.money, got int"),
        (lambda c: c["runners_up"][0].pop("allocation"), "with an object as runners_up[0].allocation, got nothing"),
        (lambda c: c["fronts"]["central"][1].append("x"), "with a number as fronts.central[1][2], got str"),
        (lambda c: c["families"].update(things=[]), "with an object as families.things, got list"),
        (lambda c: c.update(families=None), "with an object as families, got nothing"),
        (lambda c: c.update(families=nested(400)), "with a number as families.a.a, got dict"),
        (lambda c: c["goal"].update(value=[]), "with a number as goal.value, got list"),
        (lambda c: c["allocation"].update(P=0.5), "allocation: wanted shares with sum 1, got 1.25"),
        (lambda c: c["allocation"].update({"P": 1.5, "B+S": -0.5}), "allocation.P: wanted a number from 0 to 1, got"),
        (lambda c: c["counts"].update({"P": 9, "B+S": -1}), "counts.P: wanted a number from 0 to 8, got 9"),
        (lambda c: c["counts"].update({"B": 1}), "counts: wanted a sum of images = 8, got 9"),
        (lambda c: c["allocation"].update({"S+B": 0.0}), "allocation: wanted each label set once, got P, B+S, S+B"),
        (lambda c: c["counts"].update({"\ud800": 0}), "counts.'\\ud800': wanted a label set such as P"),
        (lambda c: c["counts"].update({"\x1b[2J": 0}), "counts.'\\x1b[2J': wanted a label set such as P"),
    ],
)  # fmt: skip
def test_each_fault_is_named(refused, change, message):
    assert message in refused(change)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "file: wanted a plan as JSON, got maximum recursion"),
        ('{"format": NaN}', "file: wanted a plan as JSON, got NaN is no JSON"),
        ("9" * 5000, "file: wanted a plan as JSON, got Exceeds the limit"),
        ('{"format": "cqb-plan"}', "format, version: wanted cqb-plan, 1, got ['format']"),
        ("[]", "format, version: wanted cqb-plan, 1, got list"),
        ("\x00", "file: wanted a plan as JSON"),
    ],
)
def test_a_file_that_is_no_plan(tmp_path, text, message):
    (tmp_path / "p.json").write_text(text)
    with pytest.raises(InputError) as caught:
        read_plan(tmp_path / "p.json")
    assert message in str(caught.value)
