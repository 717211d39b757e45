"""Decide whether a container image may ship, and prove why."""

__version__ = "0.1.0"
