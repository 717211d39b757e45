"""Algorithms, keys and certificates of an image."""
