import pickle

from cqb_pareto.errors import InputError


def test_an_error_names_everything_and_survives_pickling():
    error = InputError("a.csv", "row 3, column x", "a number", None)
    assert str(error) == "a.csv: row 3, column x: wanted a number, got None"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert isinstance(error, ValueError)


def test_advice_stands_at_the_end_and_survives_pickling():
    error = InputError("plan", "budget", "at least 2", 1, "ask for more")
    assert str(error) == "plan: budget: wanted at least 2, got 1; ask for more"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
