"""The `cqb-bench` command. Verbs import what they need when they run, so that `--help` is quick."""

from cqb_bench.commands import methods, plot, run, table
from cqb_net.terminal import new_app, run_app

app = new_app("cqb-bench", "Compare methods that learn from cheap labels in one harness.", "cqb_bench")
app.command("run")(run.run)
app.command("table")(table.table)
app.command("plot")(plot.plot)
app.command("methods")(methods.methods)


def main() -> None:
    """Run the command, see `run_app`."""
    run_app(app, "cqb-bench")


if __name__ == "__main__":
    main()
