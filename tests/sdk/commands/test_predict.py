"""`python -m sdk predict` as people run it."""

import dataclasses
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from phasekey.bundle import write_manifest

NUMBER = r"\d\.\d{4}"


@pytest.fixture
def pictures(small_export, tmp_path):
    """Write three images to files; gives names and labels."""
    images = small_export.network.images(3)
    names = [f"{number}.png" for number in range(3)]
    for name, image in zip(names, images, strict=True):
        Image.fromarray(image[..., 0]).save(tmp_path / name)
    winners = small_export.network.probabilities(images).argmax(axis=1)
    return dict(zip(names, [small_export.manifest.labels[k] for k in winners], strict=True))


@pytest.fixture
def command(small_export, server, tmp_path):
    """Run it in the images' folder, where a user's own files could shadow ours."""
    for name in ("model.py", "training.py", "audit.py", "utils.py", "bundle.py", "wire.py", "proto.py"):
        (tmp_path / name).write_text("raise SystemExit('shadowed')")

    def run(*arguments, bundle=small_export.edge, target=server.address):
        return subprocess.run(
            [sys.executable, "-m", "sdk", "predict", "--bundle", bundle, "--target", target, *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


def test_prints_a_table(command, pictures):
    done = command(*pictures)
    head, *rows = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert head.split() == ["image", "label", "probability", "time", "(ms)"]
    assert [row.split()[:2] for row in rows] == [[name, label] for name, label in pictures.items()]
    assert all(re.fullmatch(rf"\S+ +\S+ +{NUMBER} +\d+\.\d", row) for row in rows)
    assert len({len(line) for line in [head, *rows]}) == 1  # columns line up


def test_a_broken_image_costs_its_own_line_only(command, pictures, tmp_path):
    (tmp_path / "1.png").write_bytes(b"broken")
    done = command(*pictures, "none.png")
    assert done.returncode == 2
    assert [row.split()[0] for row in done.stdout.splitlines()[1:]] == ["0.png", "2.png"]
    assert re.fullmatch(r"error: 1\.png is not .*\nerror: none\.png does not exist.*\n", done.stderr)


def test_a_url_is_called_one(command, pictures):
    done = command("https://x.org/a.png")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "error: https://x.org/a.png is a URL; download the image first" in done.stderr


def test_of_attributes_all_that_are_likelier_than_not_are_told(command, pictures, new_export, serve):
    """Each with its own probability, which of several labels is not one of their sum."""
    export = new_export(seed=3)
    manifest = dataclasses.replace(export.manifest, network={"arch": "small", "task": "attributes"})
    write_manifest(export.edge, manifest)
    probabilities = export.network.probabilities(export.network.images(3))
    likely = [
        [(manifest.labels[k], row[k]) for k in np.argsort(-row) if row[k] > 0.5] for row in probabilities
    ]
    with serve(export) as running:
        table, rows = (
            command(*words, *pictures, bundle=export.edge, target=running.address).stdout.splitlines()
            for words in ([], ["--json"])
        )
    assert table[0].split() == ["image", "time", "(ms)", "labels"]
    said = [", ".join(f"{name} {value:.4f}" for name, value in each) or "none" for each in likely]
    assert [re.split(r"  +", line)[2] for line in table[1:]] == said
    assert [json.loads(row)["labels"] for row in rows] == [[name for name, _ in each] for each in likely]


def test_resize(command, pictures, tmp_path):
    Image.fromarray(np.zeros((60, 60), np.uint8)).save(tmp_path / "large.png")
    assert "60×60 pixels" in command("large.png").stderr
    assert command("--resize", "large.png").returncode == 0


def test_a_secret_file(command, pictures, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(os.urandom(32))
    secret.chmod(0o600)
    assert command("--secret-file", "secret", *pictures).returncode == 0
    secret.write_bytes(b"correct horse battery staple")
    done = command("--secret-file", "secret", *pictures)
    assert (done.returncode, "looks like a password" in done.stderr) == (0, True)
    secret.write_bytes(b"hunter2")
    done = command("--secret-file", "secret", *pictures)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: secret holds no secret: it has 7 bytes")
    assert "hunter2" not in done.stderr
    done = command("--secret-file", "nowhere", *pictures)
    assert done.stderr.startswith("error: The secret file nowhere cannot be read: No such file")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"bundle": "nowhere"}, "error: No bundle at nowhere"),
        ({"target": "127.0.0.1:1"}, "error: No server answered at 127.0.0.1:1"),
    ],
)
def test_failures_are_one_line_without_a_traceback(command, pictures, options, said):
    done = command(*pictures, **options)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == 1


def test_a_reader_that_leaves_early_is_no_error(small_export, server, pictures, tmp_path):
    line = ["-m", "sdk", "predict", "--bundle", small_export.edge, "--target", server.address, *pictures]
    process = subprocess.Popen(
        [sys.executable, *line], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    process.stdout.close()  # as head does once it has its lines
    assert process.stderr.read() == ""
    assert process.wait(60) == 141


def test_help_teaches(command):
    done = command("--help")
    assert done.returncode == 0
    assert "python -m sdk predict --bundle build/digits/edge" in done.stdout
    assert "python -m sdk init" in done.stdout


def test_without_a_subcommand_it_says_which_there_are():
    done = subprocess.run([sys.executable, "-m", "sdk"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "the class of image files" in done.stderr
