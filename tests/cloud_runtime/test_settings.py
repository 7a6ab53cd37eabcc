"""Flags, environment and file, through the parser that people use."""

import argparse
from pathlib import Path

import pytest

from cloud_runtime import command
from cloud_runtime.config import ServerConfig
from cloud_runtime.errors import CloudRuntimeError
from cloud_runtime.settings import read_settings


@pytest.fixture
def parse(monkeypatch):
    """Read settings: parse(*flags, **environment) → ServerConfig."""

    def read(*flags, **environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        return read_settings(parser.parse_args([str(flag) for flag in flags]))

    return read


def test_the_defaults_are_the_tables(parse):
    assert parse("--model-repository", "models") == ServerConfig(Path("models"))


def test_flags_come_before_the_environment_and_that_before_the_file(parse, tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text('model_repository = "of the file"\nthreads = 2\nworkers = 2\nmax_queue_requests = 22\n')
    settings = parse(
        *("--config", path, "--threads", 4),
        PHASEKEY_THREADS="3",
        PHASEKEY_WORKERS="3",
        PHASEKEY_HTTP="[::1]:0",
    )
    assert settings.model_repository == Path("of the file")
    assert (settings.threads, settings.workers, settings.max_queue_requests) == (4, 3, 22)
    assert settings.http == "[::1]:0"


@pytest.mark.parametrize(
    ("flags", "name", "value"),
    [
        (("--insecure", "--listen", "0.0.0.0:1"), "insecure", True),
        (("--model-control", "explicit", "--load-model", "a,b"), "load_model", ("a", "b")),
        (("--device", "cuda", "--cuda-graphs"), "cuda_graphs", True),
        (("--drain-delay", "2.5"), "drain_delay", 2.5),
        (("--tls-certificate", "c", "--tls-key", "k"), "tls_key", Path("k")),
        (("--max-message-mib", "7"), "max_message_mib", 7),
    ],
)
def test_flags_of_every_kind(parse, flags, name, value):
    assert getattr(parse("--model-repository", "models", *flags), name) == value


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("thread = 1", "thread: Extra inputs are not permitted"),
        ('threads = "many"', "threads: Input should be a valid integer"),
        ("threads = ", "check the file's syntax"),
    ],
)
def test_a_file_that_makes_no_sense(parse, tmp_path, content, said):
    path = tmp_path / "settings.toml"
    path.write_text(content)
    with pytest.raises(CloudRuntimeError, match=said):
        parse("--model-repository", "models", "--config", path)


def test_what_is_missing_is_said(parse, tmp_path):
    with pytest.raises(CloudRuntimeError, match="PHASEKEY_MODEL_REPOSITORY"):
        parse()
    with pytest.raises(CloudRuntimeError, match="there is no such file"):
        parse("--config", tmp_path / "gone.toml")


def test_a_wrong_value_of_the_environment_is_not_repeated(parse):
    with pytest.raises(CloudRuntimeError, match="workers") as caught:
        parse("--model-repository", "models", PHASEKEY_WORKERS="secret-in-the-wrong-place")
    assert "secret-in" not in str(caught.value)
