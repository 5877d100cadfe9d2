"""The benchmarks run, and compare ways that come to the same end."""

import json
import subprocess
import sys

from tests.places import ROOT


def test_the_grid_of_networks_ends_at_the_printed_losses_in_each_way():
    command = [sys.executable, "benchmarks/grid_of_networks.py", "--json"]
    run = subprocess.run(
        [*command, "--epochs", "2", "--repeats", "1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=200,
        check=True,
    )
    found = json.loads(run.stdout)
    assert len(found) == 5
    assert max(row["difference"] for row in found.values()) < 1e-5
    assert all(row["seconds"] > 0 for row in found.values())
