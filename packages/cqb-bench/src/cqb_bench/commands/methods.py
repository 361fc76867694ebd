"""`cqb-bench methods`."""

import typer


def methods() -> None:
    """List the methods: what they are compared on, which labels they learn from, where they come from."""
    from rich.table import Table

    from cqb_bench.catalogue import methods as every
    from cqb_bench.tasks import TASKS
    from cqb_net.terminal import console

    table = Table("task", "method", "title", "learns from", "source")
    for task in TASKS:
        mine = sorted((method for method in every() if method.task == task), key=lambda each: not each.ours)
        for place, method in enumerate(mine, 1):
            title = f"{method.title} (ours)" if method.ours else method.title
            row = (task, method.name, title, method.rest.short, method.source)
            table.add_row(*row, end_section=place == len(mine))
    console().print(table)
    typer.echo("labels: I image tags, B boxes; every method also sees the fully labelled images")
