"""The helper library of the course companion "Derive, Train, Plot"."""

__version__ = "0.1.0"
