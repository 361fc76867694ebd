"""The one version of every package in this workspace."""

__version__ = "0.1.0"
