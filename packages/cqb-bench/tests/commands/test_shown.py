"""`table`, `plot` and `methods`."""

from cqb_bench.catalogue import methods


def test_the_table_is_shown(run, folder):
    status, said, _ = run("table", folder)
    assert status == 0
    assert "detection, box AP" in said
    assert "Cls2Box is beaten by WSDDN by 1.0" in said


def test_the_table_is_markdown_when_asked(run, folder):
    _, said, _ = run("table", folder, "--markdown")
    assert said.startswith("| panoptic | rest | cost | method | box AP |")


def test_the_plot_is_written(run, folder, tmp_path):
    status, said, _ = run("plot", folder, "-o", tmp_path / "plot.png")
    assert (status, said) == (0, f"plot: {tmp_path / 'plot.png'}\n")
    assert (tmp_path / "plot.png").stat().st_size > 10_000


def test_a_folder_without_results_and_a_wrong_ending_are_one_sentence(refused, folder, tmp_path):
    assert refused("table", tmp_path / "none").endswith("wanted a CSV file, got no such file")
    assert refused("plot", folder, "-o", tmp_path / "plot.gif").endswith("got .gif")


def test_methods_are_listed_with_task_labels_and_source(run):
    _, said, _ = run("methods")
    text = " ".join(said.split())
    for method in methods():
        assert method.name in text
    assert "Bilen, Vedaldi" in text
    assert "detection" in text
