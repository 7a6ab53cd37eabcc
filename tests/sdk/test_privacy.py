"""EdgeClient warns once of a bundle that was never audited or lies open; the command, at each start."""

import subprocess
import sys
import warnings

import pytest
from PIL import Image

from sdk import EdgeClient, PrivacyWarning
from tests.sdk.conftest import InMemoryTransport
from tests.small_export import AUDITED


def clients(export, count):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(count):
            EdgeClient(export.edge.parent, transport=InMemoryTransport(export), ephemeral=True).close()
    return caught


@pytest.mark.parametrize(
    ("audit", "said"),
    [
        (None, "was never audited"),
        ({**AUDITED, "grade": "open", "verdict": "All open."}, "found that it lies open: All open."),
    ],
)
def test_one_warning_for_each_bundle_in_a_process(new_export, audit, said, monkeypatch) -> None:
    monkeypatch.setattr("sdk.privacy._told", set())
    export = new_export(seed=11, audit=audit)
    (warning,) = clients(export, 3)
    assert warning.category is PrivacyWarning
    assert str(warning.message).startswith(f"{export.manifest.model_name}: ")
    assert said in str(warning.message)
    assert warning.filename == __file__  # the line that made the client
    assert len(clients(new_export("other", seed=12, audit=audit), 1)) == 1


def test_no_warning_of_a_whole_audit(small_export) -> None:
    assert clients(small_export, 2) == []


def test_the_command_says_it_in_one_line_at_each_start(new_export, serve, tmp_path) -> None:
    export = new_export("with a space", seed=13, audit=None)
    Image.fromarray(export.network.images(1)[0, ..., 0]).save(tmp_path / "0.png")
    with serve(export) as server:
        for bundle in (export.edge, export.edge.parent):
            line = ["-m", "sdk", "predict", "--bundle", bundle, "--target", server.address, "0.png"]
            done = subprocess.run(
                [sys.executable, *line], cwd=tmp_path, capture_output=True, text=True, timeout=120
            )
            assert (done.returncode, len(done.stdout.splitlines())) == (0, 2)
            assert done.stderr.startswith("warning: this bundle was never audited")
            assert done.stderr.count("\n") == 1
