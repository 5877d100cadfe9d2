"""The library alone, as Colab and Jupyter install it: no builder, an empty folder."""

import os
import subprocess
import sys

import jupytext
import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from builder.extensions.execution import outputs
from companion import claims, ledger, provenance
from tests.places import ROOT

pytestmark = pytest.mark.timeout(300)
PAGE = "foundations/backpropagation"
# Colab's front end, with what it needs beside the lock.
COLAB = ["ipython==7.34.0", "ipykernel==6.17.1"]
COLAB += ["backcall", "decorator", "nest-asyncio", "pickleshare"]
LINE = "git+https://github.com/derive-train-plot/derive-train-plot@v"
# Takes the library out of this environment.
FRESH = """
import sys
from pathlib import Path
sys.path = [p for p in sys.path if not (Path(p) / "companion" / "page.py").exists()]
"""
# It writes down its command line, and installs what the address stands for.
PIP = """
import os, pathlib, shutil, sys
here = pathlib.Path(__file__).parent
(here / "asked").write_text(" ".join(sys.argv[1:]))
shutil.copytree(os.environ["LIBRARY"], here, dirs_exist_ok=True)
"""


def python(*arguments, **options):
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True, text=True, check=False, **options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """Install the wheel that pip makes of the source distribution; return where."""
    folder = tmp_path_factory.mktemp("package")
    made = python("-m", "hatchling", "build", "-t", "sdist", "-d", folder, cwd=ROOT)
    assert made.returncode == 0, made.stderr
    [archive] = folder.glob("*.tar.gz")
    offline = ["--no-deps", "--no-index", "--no-build-isolation"]
    target = folder / "library"
    made = python("-m", "pip", "install", *offline, "--target", target, archive)
    assert made.returncode == 0, made.stderr
    return target


@pytest.fixture(scope="module")
def colab(tmp_path_factory):
    """Install IPython and ipykernel in Colab's versions; return where."""
    if sys.version_info >= (3, 13):
        pytest.skip("Colab's IPython is too old for this Python")
    target = tmp_path_factory.mktemp("colab")
    made = python("-m", "pip", "install", "--no-deps", "--target", target, *COLAB)
    if made.returncode:
        pytest.skip(f"the package index did not give {COLAB}")
    return target


def run(notebook, folder, *paths, **variables):
    """Run a notebook at smoke scale with `paths` in front of the environment's."""
    found = os.pathsep.join(map(str, paths))
    env = {**os.environ, "COMPANION_SCALE": "smoke", "PYTHONPATH": found, **variables}
    resources = {"metadata": {"path": str(folder)}}
    client = NotebookClient(notebook, kernel_name="python3", resources=resources)
    return client.execute(env=env)


def page(before=""):
    """Return the page's notebook with a cell of the test's in front."""
    notebook = jupytext.read(ROOT / "notebooks" / f"{PAGE}.md")
    notebook.cells.insert(0, nbformat.v4.new_code_cell(before))
    return notebook


def check_outputs(notebook):
    """Compare what the page reports with its ledger; nothing came from a checkout."""
    reported = [report["claim"] for report in outputs(notebook, claims.MIME)]
    assert sorted(reported) == sorted(ledger.read(PAGE))
    [facts] = outputs(notebook, provenance.MIME)
    assert facts["commit"].startswith("version ")


def test_the_wheel_holds_all_of_the_library_and_the_results(library):
    def files(folder):
        found = (path.relative_to(folder) for path in folder.rglob("*"))
        return {path for path in found if path.suffix in {".py", ".toml", ".json"}}

    results = {"results" / path for path in files(ROOT / "results")}
    assert files(library / "companion") == files(ROOT / "src/companion") | results
    assert not (library / "builder").exists()


def test_a_page_runs_on_the_installed_library_alone(library, tmp_path):
    check_outputs(run(page(), tmp_path, library))


def test_recorded_runs_are_found_in_the_installed_library(library, tmp_path):
    code = (
        "from companion import claims, page, recorded; "
        "page.start('foundations/optimizers'); "
        "print(recorded.load().label, len(claims.book_claims()))"
    )
    env = {**os.environ, "PYTHONPATH": str(library)}
    done = python("-c", code, cwd=tmp_path, env=env)
    assert "recorded at full scale" in done.stdout, done.stderr
    assert int(done.stdout.split()[-1]) > 0


def test_in_colab_the_first_cell_installs_the_library(library, colab, tmp_path):
    (tmp_path / "google").mkdir()
    (tmp_path / "google" / "colab.py").touch()
    (tmp_path / "pip.py").write_text(PIP)
    before = f"{FRESH}\nimport google.colab, IPython\nprint(IPython.__version__)"
    done = run(page(before), tmp_path, tmp_path, colab, LIBRARY=str(library))
    assert done.cells[0].outputs[0].text == "7.34.0\n"
    assert (tmp_path / "asked").read_text().startswith(f"install -q {LINE}")
    check_outputs(done)


def test_elsewhere_the_first_cell_names_the_pip_line(tmp_path):
    with pytest.raises(CellExecutionError) as error:
        run(page(FRESH), tmp_path)
    assert error.value.ename == "ModuleNotFoundError"
    assert f"run %pip install {LINE}" in error.value.evalue
