"""Readers of source analysis results."""
