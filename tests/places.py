"""Where things lie: the book, its pages, and what tests build."""

from pathlib import Path

from filelock import FileLock

ROOT = Path(__file__).resolve().parents[1]

# What tests build: beside a person's build, and kept for the next time.
TEST_BUILD = ROOT / "_build" / "test"
TEST_BUILD.mkdir(parents=True, exist_ok=True)
# Tests run side by side: who comes second finds the pages run.
BUILDING = FileLock(TEST_BUILD / "building")

PAGES = sorted(
    str(path.relative_to(ROOT).with_suffix(""))
    for path in ROOT.glob("notebooks/*/*.md")
)
