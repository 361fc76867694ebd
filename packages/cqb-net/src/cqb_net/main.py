"""The `cqb-net` command. Verbs import what they need when they run, so that `--help` is quick."""

from cqb_net.commands import data, evaluate, index, pilot, predict, study, train
from cqb_net.terminal import new_app, run_app

app = new_app("cqb-net", "Train and evaluate panoptic networks on whatever labels you can afford.", "cqb_net")
data.app.command("index")(index.index)
app.add_typer(data.app, name="data")
app.command("train")(train.train)
app.command("pilot")(pilot.pilot)
app.command("study")(study.study)
app.command("evaluate")(evaluate.evaluate)
app.command("predict")(predict.predict)


def main() -> None:
    """Run the command, see `run_app`."""
    run_app(app, "cqb-net")


if __name__ == "__main__":
    main()
