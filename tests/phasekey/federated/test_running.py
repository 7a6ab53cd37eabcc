"""What a run begins with, goes on from and deals out; no Flower in it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from phasekey.bundle.checksums import sha256_of_file
from phasekey.federated.errors import FederatedError
from phasekey.federated.running import Job, as_sent, resume
from phasekey.federated.settings import Rounds, Terms
from phasekey.federated.simulation import gather
from phasekey.training.checkpoint import read_checkpoint, save_checkpoint
from phasekey.training.errors import TrainingError


@pytest.fixture
def job(checkpoint, dataset, tmp_path):
    save_checkpoint(tmp_path / "start.pt", checkpoint)
    public = gather(dataset, 4, "iid", 0).public
    return Job(tmp_path / "start.pt", public, Rounds(5, 4, 3), Terms(), tmp_path, lambda line: None)


def test_a_run_goes_on_after_the_last_round_that_was_written(job, checkpoint):
    assert resume(job)[1] == 0
    facts = {"federated": {"rounds": 3, "start": sha256_of_file(job.start)}}
    save_checkpoint(job.model, replace(checkpoint, facts=facts))
    assert resume(job)[1] == 3


def test_the_result_of_something_else_is_left_alone(job, checkpoint):
    save_checkpoint(job.model, checkpoint)
    with pytest.raises(FederatedError, match="not of a run from"):
        resume(job)


def test_devices_get_the_network_and_nothing_of_the_servers_settings(checkpoint):
    told = replace(checkpoint, config={"data": "/home/someone/images"}, facts={"test_accuracy": 0.5})
    sent = as_sent(told)
    assert b"someone" not in sent
    came = read_checkpoint(sent, "what came")
    assert (came.config, came.facts, came.labels) == ({}, {}, checkpoint.labels)
    for name, value in checkpoint.network.state_dict().items():
        assert torch.equal(value, came.network.state_dict()[name])


def test_what_is_no_network_is_refused_by_name():
    with pytest.raises(TrainingError, match="'what came' is no checkpoint"):
        read_checkpoint(b"print('hello')", "what came")


def test_public_images_belong_to_no_device(dataset):
    dealt = gather(dataset, 4, "dirichlet:1", 0)
    held = np.concatenate(dealt.devices)
    assert not set(held) & set(dealt.proxy)
    assert len(held) + len(dealt.proxy) == len(dataset.train)
    assert sum(len(dealt.held(number)) for number in range(4)) == len(held)
    assert len(dealt.public.proxy) == 16
