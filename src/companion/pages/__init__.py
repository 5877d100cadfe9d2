"""What belongs to one page: PART/NAME holds its claims.toml and its exercises.py.

A page is named as its notebook is, "part/name"; its folder has underscores for hyphens.
"""

import importlib
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).parent


def folder(page: str) -> Path:
    """Return the folder of a page, "part/name", whether or not it exists."""
    return HERE.joinpath(*page.replace("-", "_").split("/"))


def module_name(page: str) -> str:
    """Return the name of the module with a page's exercises."""
    return f"{__name__}.{page.replace('-', '_').replace('/', '.')}.exercises"


def exercises(page: str) -> ModuleType:
    """Return the module with a page's exercises.

    Raises
    ------
    KeyError
        If the page has none.
    """
    if not (folder(page) / "exercises.py").is_file():
        raise KeyError(f"The page {page} has no exercises.")
    return importlib.import_module(module_name(page))
