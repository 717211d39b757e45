"""Pairs of programs: what one signs or copies, the other finds and accepts."""
