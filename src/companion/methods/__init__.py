"""Taught algorithms, one module each; the page that teaches one writes it out too."""
