"""Admission policies made by `gate export`, tried with the programs that enforce them."""
