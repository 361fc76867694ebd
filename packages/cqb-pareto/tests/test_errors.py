import pickle

from cqb_pareto.errors import InputError


def test_an_error_names_everything_and_survives_pickling():
    error = InputError("a.csv", "row 3, column x", "a number", None)
    assert str(error) == "a.csv: row 3, column x: wanted a number, got None"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert isinstance(error, ValueError)
