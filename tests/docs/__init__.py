"""The documentation is generated where it can be, and tested where it cannot."""
