"""The service, the camera and the long job, run as their users run them, against a real server."""

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def start(exported, served: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Start an example with a home of its own: start("label_many", ...) -> the process."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    started = []

    def run(name: str, *arguments: object, target: str = served) -> subprocess.Popen[str]:
        command = [sys.executable, "-W", "ignore", str(EXAMPLES / f"{name}.py"), str(exported.edge), target]
        started.append(
            subprocess.Popen(
                [*command, *map(str, arguments)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                # What a shell runs in the background ignores SIGINT, and so does what that starts.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            )
        )
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


def test_the_service_labels_what_is_posted(start, exported) -> None:
    service = start("label_service", 0)
    port = int(service.stdout.readline().split()[-1])

    def post(body: bytes, path: str = "/label") -> tuple[int, dict[str, object]]:
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:  # noqa: S310
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    status, said = post(exported.files[0].read_bytes())
    assert status == 200
    assert said["label"] == said["top"][0][0]
    assert post(b"no image")[0] == 400
    assert post(b"", "/other")[0] == 404
    service.send_signal(signal.SIGINT)
    assert service.wait(30) == 0


def test_the_camera_is_followed_until_it_stops(start, exported, tmp_path: Path) -> None:
    frames = tmp_path / "frames"
    frames.mkdir()
    camera = start("watch_folder", frames)
    for number, file in enumerate(exported.files[:4]):
        (tmp_path / "new").write_bytes(b"broken" if number == 2 else file.read_bytes())
        (tmp_path / "new").rename(frames / f"{number}.png")
    (frames / "stop").touch()
    said, complaints = camera.communicate(timeout=60)
    lines = said.splitlines()
    assert [line.split(": ")[0] for line in lines] == ["0.png", "1.png", "2.png", "3.png"], complaints
    assert ["no label" in line for line in lines] == [False, False, True, False]


def test_a_long_job_goes_on_where_it_stopped(start, exported, tmp_path: Path) -> None:
    folder, output = tmp_path / "many", tmp_path / "labels.jsonl"
    folder.mkdir()
    for number in range(70):
        (folder / f"{number:03}.png").write_bytes(exported.files[number % 20].read_bytes())
    (folder / "033.png").write_bytes(b"broken")
    failed = start("label_many", folder, output, target="127.0.0.1:1")
    assert "Run it again to go on" in failed.communicate(timeout=60)[1]
    assert failed.returncode == 1
    first = start("label_many", folder, output)
    assert first.communicate(timeout=60)[0].startswith("70 images to label, 0 done before")
    whole = output.read_text()
    assert [json.loads(line)["image"] for line in whole.splitlines()] == [f"{n:03}.png" for n in range(70)]
    assert [n for n, line in enumerate(whole.splitlines()) if "error" in json.loads(line)] == [33]
    # As if it had been killed in the middle of a line: what was done is kept, the rest is done once.
    output.write_text(whole[: len(whole) // 2])
    again = start("label_many", folder, output)
    said, progress = again.communicate(timeout=60)
    assert again.returncode == 0
    assert not said.startswith("70 ")
    assert "█" in progress
    images = [json.loads(line)["image"] for line in output.read_text().splitlines()]
    assert images == [f"{n:03}.png" for n in range(70)]
