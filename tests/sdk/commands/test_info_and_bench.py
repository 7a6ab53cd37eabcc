"""`python -m sdk info` and `bench`, and predict's options, as people use them."""

import json
import os
import subprocess
import sys

import pytest
from PIL import Image


@pytest.fixture
def sdk(small_export, tmp_path):
    """Run a subcommand on the small bundle: sdk("info", "--json")."""

    def run(name, *arguments, **environment):
        return subprocess.run(
            [sys.executable, "-m", "sdk", name, "--bundle", small_export.edge, *arguments],
            cwd=tmp_path,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


@pytest.fixture
def pictures(small_export, tmp_path):
    for number, image in enumerate(small_export.network.images(3)):
        Image.fromarray(image[..., 0]).save(tmp_path / f"{number}.png")
    return ["0.png", "1.png", "2.png"]


def test_info(sdk, small_export, server):
    done = sdk("info", "--target", server.address)
    assert done.returncode == 0, done.stderr
    assert small_export.manifest.model_name in done.stdout
    assert f"{server.address} has the other half" in done.stdout
    facts = json.loads(sdk("info", "--json").stdout)
    assert (facts["components"], facts["image"], "server" in facts) == (2, [6, 6, 1], False)
    failed = sdk("info", "--target", "127.0.0.1:1")
    assert (failed.returncode, failed.stderr.count("\n")) == (2, 1)


def test_bench_shows_each_stage(sdk, server):
    done = sdk("bench", "--target", server.address, "--count", "5")
    assert done.returncode == 0, done.stderr
    assert "5 predictions of 1 image;" in done.stdout
    stages = [line.split()[0] for line in done.stdout.splitlines()[2:7]]
    assert stages == ["encode", "hide", "wire", "cloud", "decode"]
    assert "█" in done.stdout
    measured = json.loads(sdk("bench", "--target", server.address, "--count", "3", "--json").stdout)
    assert all(measured["median_ms"][stage] > 0 for stage in stages)  # our server tells the cloud's part
    assert sdk("bench", "--target", server.address, "--count", "0").returncode == 2


def test_predict_as_json_with_settings_of_the_environment(sdk, server, pictures, small_export):
    done = sdk("predict", "--json", *pictures, "none.png", PHASEKEY_TARGETS=server.address)
    assert done.returncode == 2
    *rows, broken = map(json.loads, done.stdout.splitlines())
    assert [row["image"] for row in rows] == pictures
    for row in rows:
        assert row["top"][0]["label"] == row["label"]
        assert sum(each["probability"] for each in row["top"]) == pytest.approx(1, abs=1e-5)
        assert set(row["milliseconds"]) == {"encode", "hide", "wire", "cloud", "decode"}
    assert broken["image"] == "none.png"
    assert "does not exist" in broken["error"]


def test_predict_says_more_or_less(sdk, server, pictures):
    quiet = sdk("predict", "-q", "--target", server.address, *pictures)
    assert len(quiet.stdout.splitlines()) == 3
    loud = sdk("predict", "-v", "--batch-size", "2", "--target", server.address, *pictures)
    assert "milliseconds in all: encode" in loud.stderr
    assert sdk("predict", "-q", "-v", *pictures).returncode == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "No server is named: give --target"),
        (["--target", "http://h:1"], "is a URL"),
        (["--target", "h"], "has no port"),
        (["--target", "h:1", "--timeout", "-1"], "timeout must be"),
        (["--target", "h:1", "--batch-size", "0"], "batch_size must be"),
        (["--target", "h:1", "--cert", "a.pem"], "cert and key go together"),
        (["--target", "h:1", "--token-file", "token"], "A token goes over TLS alone"),
        (["--target", "127.0.0.1:1", "--ca-cert", "none.pem"], "none.pem cannot be read"),
        (["--config", "none.toml"], "cannot be read as TOML"),
    ],
)
def test_wrong_options_are_one_line(sdk, pictures, options, said):
    done = sdk("predict", *options, *pictures)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr
