"""The chain from source to binary, end to end and link by link."""
