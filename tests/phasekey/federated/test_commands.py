"""What the commands refuse before anything slow begins."""

import pytest

from phasekey.cli import main

SERVER = ["server", "--ckpt", "model.pt"]
DEVICE = ["device", "--data", ".", "--superlink"]
REFUSED = {
    "no port": ([*SERVER, "--listen", "host"], "HOST:PORT"),
    "plaintext beyond this machine": ([*SERVER, "--listen", "0.0.0.0:9092"], "--insecure"),
    "a device in plaintext": ([*DEVICE, "example.org:9092"], "--insecure"),
    "half a certificate": ([*SERVER, "--certificate", "a.pem"], "go together"),
    "keys in plaintext": ([*SERVER, "--authorized-keys", "devices"], "takes certificates"),
    "a key for anybody": ([*DEVICE, "127.0.0.1:1", "--key", "device.key"], "--authority"),
    "a secure sum of two": (["simulate", "--clients", "2"], "3 devices or more"),
    "more than all": ([*SERVER, "--min-clients", "9"], "--min-clients takes"),
    "no rounds": ([*SERVER, "--rounds", "0"], "--rounds"),
    "no speed": ([*SERVER, "--lr", "nan"], "--lr"),
    "a median of a sum": (["simulate", "--strategy", "median"], "--aggregate plain"),
    "no such split": (["simulate", "--split", "none"], "--split takes"),
    "no images": (["device", "--data", "nowhere", "--superlink", "127.0.0.1:1"], "no images at"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_told_in_one_line(name, capsys):
    arguments, words = REFUSED[name]
    assert main(["federate", *arguments]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
