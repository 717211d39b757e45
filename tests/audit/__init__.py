"""Tests of gate/audit."""
