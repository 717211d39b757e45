"""The command line, end to end: exit codes, messages and files, on the sample images and on hostile input."""
