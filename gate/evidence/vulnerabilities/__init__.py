"""Readers of vulnerability reports, their merge and their enrichment."""
