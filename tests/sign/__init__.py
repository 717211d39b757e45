"""Tests of gate/sign."""
