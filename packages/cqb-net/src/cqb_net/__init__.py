"""The `cqb-net` command."""
