import json
from dataclasses import replace

import numpy as np
import pytest

from phasekey.audit import pipeline
from phasekey.audit.attacks.angle.mean_template import SHRINKAGES, MeanTemplate
from phasekey.audit.budget import EFFORTS
from phasekey.audit.errors import AuditError
from phasekey.audit.numerics.rotation import unrotate
from phasekey.audit.pipeline import Request, run_audit, what_is_missing
from phasekey.audit.result.examples import load_examples
from phasekey.audit.result.report_json import load_audit
from phasekey.audit.subject.stage import Terms, build_stage
from phasekey.audit.subject.subject import open_checkpoint
from phasekey.model import build_network
from phasekey.training.checkpoint import load_checkpoint, save_checkpoint
from phasekey.training.data.registry import load_dataset

EFFORT = replace(EFFORTS["control"], train_images=300, validation_images=60, test_images=120)


@pytest.fixture(scope="module")
def subject(exported):
    return open_checkpoint(exported.checkpoint)


@pytest.fixture(scope="module")
def audited(subject, tmp_path_factory):
    folder = tmp_path_factory.mktemp("audit")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "ATTACKS", (MeanTemplate(),))
        audit = run_audit(subject, load_dataset("digits"), Request(EFFORT), folder, progress=False)
    return folder, audit


def test_a_real_audit_writes_a_report_that_loads_again(audited):
    folder, audit = audited
    read = load_audit(folder)
    assert read.attacks == audit.attacks
    assert read.subject == audit.subject
    assert (folder / "report.html").stat().st_size > 1000
    assert audit.splits == {"train": 300, "validation": 60, "test": 120}
    assert audit.subject["incomplete"] is None
    assert 0 <= audit.task_error < 60
    assert audit.facts["cpu_seconds"]["mean-template"] >= 0


@pytest.fixture(scope="module")
def scene(subject):
    """The scene of that audit, built once more from the same seed."""
    return build_stage(subject, load_dataset("digits"), EFFORT, 0, Terms()).scene


def as_complex(pairs):
    """Pair layout (N, 2C, ...) -> complex128 (N, C, ...)."""
    real, imaginary = np.split(pairs.astype(np.complex128), 2, axis=1)
    return real + 1j * imaginary


def phases(theta, like):
    """e^{iθ} for every row of another array."""
    return np.exp(1j * theta).reshape(-1, *[1] * (like.ndim - 1))


def test_what_is_sent_and_turned_back_is_so_by_complex_numbers(scene):
    """Oracle for Eq. 2 and 3: x = e^{iθ}(a + ib), and Re[x e^{-iθ}] = a."""
    for part in (scene.train, scene.validation, scene.test):
        x = phases(part.theta, part.feature) * (part.feature + 1j * part.decoy)
        np.testing.assert_allclose(as_complex(part.x), x, rtol=0, atol=1e-5 * np.abs(x).max())
        back = (as_complex(part.x) * phases(-part.theta, x)).real
        np.testing.assert_allclose(back, part.feature, rtol=0, atol=1e-5 * np.abs(x).max())
        np.testing.assert_allclose(unrotate(part.x, part.theta), back, rtol=0, atol=1e-5 * np.abs(x).max())


def test_the_headline_is_a_real_measurement(audited, scene):
    """Oracle: arg⟨C⁻¹m, x⟩ by complex numbers, with C solved; its error is |arg e^{i(θ̂-θ)}|."""
    _, audit = audited
    attack, figure = audit.strongest("angle_circle")
    assert attack.name == "mean-template"
    assert figure.low <= figure.value <= figure.high
    assert figure.chance == pytest.approx(np.pi / 2)
    hidden, checked, tested = (
        as_complex(part.x).reshape(len(part), -1) * phases(turn, np.empty((1, 1)))
        for part, turn in ((scene.train, -scene.train.theta), (scene.validation, 0), (scene.test, 0))
    )
    mean = hidden.mean(0)
    rest = hidden - mean
    covariance = (rest.conj().T @ rest).real / (2 * len(rest))  # of features and decoys together
    variance = np.trace(covariance) / len(covariance)

    def error(shrinkage, x, theta):
        template = np.linalg.solve(covariance + shrinkage * variance * np.eye(len(covariance)), mean)
        found = np.angle(x @ template.conj())
        return np.abs(np.angle(np.exp(1j * (found - theta)))).mean()

    best = min(SHRINKAGES, key=lambda shrinkage: error(shrinkage, checked, scene.validation.theta))
    assert figure.value == pytest.approx(error(best, tested, scene.test.theta), abs=2e-3)
    assert figure.value < 1.5


def test_the_task_error_is_that_of_the_product_by_complex_numbers(audited, scene):
    """Oracle: Φ's own answer h turned back, Re[h e^{-iθ}], and wrong classes counted by hand."""
    _, audit = audited
    h = as_complex(scene.device.process(scene.test.x))
    back = (h * phases(-scene.test.theta, h)).real.astype(np.float32)
    said = scene.device.decode(back).argmax(1)
    wrong = sum(int(one != other) for one, other in zip(said, scene.test.labels, strict=True))
    # A tie within float32's rounding may fall either way: one image of 120.
    assert audit.task_error == pytest.approx(100 * wrong / len(said), abs=100 / len(said))


def test_the_report_holds_no_secret_and_no_feature(audited):
    """Nothing in it is long enough to be one of those: the only lists are names, curves and figures."""
    folder, _ = audited

    def longest(value):
        if isinstance(value, dict):
            return max(map(longest, value.values()), default=0)
        if isinstance(value, list):
            numbers = len(value) if all(isinstance(v, int | float) for v in value) else 0
            return max([numbers, *map(longest, value)], default=0)
        return 0

    assert longest(json.loads((folder / "report.json").read_text())) <= 4  # a shape


def test_examples_are_test_images(audited, subject):
    examples = load_examples(audited[0])
    held_out = {image.tobytes() for image in load_dataset("digits").test.images}
    assert examples.inputs.shape == (8, 32, 32, 1)
    assert all(image.tobytes() in held_out for image in examples.inputs)


def test_a_second_call_runs_nothing_again(audited, subject, monkeypatch):
    folder, audit = audited

    class Forbidden(MeanTemplate):
        def run(self, *_):
            raise AssertionError("ran again")

    monkeypatch.setattr(pipeline, "ATTACKS", (Forbidden(),))
    again = run_audit(subject, load_dataset("digits"), Request(EFFORT), folder, progress=False)
    assert again.attacks == audit.attacks
    with pytest.raises(AssertionError, match="ran again"):
        run_audit(subject, load_dataset("digits"), Request(EFFORT, fresh=True), folder, progress=False)


def test_findings_of_other_attackers_are_not_gone_on_from(subject, tmp_path, monkeypatch):
    class Counted(MeanTemplate):
        runs = 0

        def run(self, *arguments):
            Counted.runs += 1
            return super().run(*arguments)

    monkeypatch.setattr(pipeline, "ATTACKS", (Counted(),))
    for digest in ("one", "one", "another"):
        monkeypatch.setattr(pipeline, "code_digest", lambda digest=digest: digest)
        run_audit(subject, load_dataset("digits"), Request(EFFORT), tmp_path, progress=False)
    assert Counted.runs == 2


def test_a_form_without_rotation_is_audited_without_its_angle(exported, tmp_path, monkeypatch):
    trained = load_checkpoint(exported.checkpoint)
    architecture = {**trained.architecture, "form": "noisy", "gamma": 0.5}
    noisy = build_network(**architecture)
    path = tmp_path / "noisy" / "model.pt"
    path.parent.mkdir()
    save_checkpoint(path, replace(trained, network=noisy, architecture=architecture))
    monkeypatch.setattr(pipeline, "ATTACKS", (MeanTemplate(),))
    data = load_dataset("digits")
    audit = run_audit(open_checkpoint(path), data, Request(EFFORT), tmp_path / "report", progress=False)
    assert audit.attacks[0].skipped == "nothing is rotated in this network"
    assert audit.subject["gamma"] == 0.5
    assert audit.subject["incomplete"] is None
    assert audit.task_error > 50  # it is untrained


def test_an_unknown_attack_is_named(subject, tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline, "ATTACKS", (MeanTemplate(),))
    request = Request(EFFORT, attacks=frozenset({"mean-tamplate"}))
    with pytest.raises(AuditError, match="no attack is called 'mean-tamplate'"):
        run_audit(subject, load_dataset("digits"), request, tmp_path, progress=False)


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (Request(EFFORT), None),
        (Request(EFFORT, terms=Terms(keys="fresh")), None),
        (Request(EFFORT, attacks=frozenset({"ica"})), "--attacks"),
        (Request(EFFORT, terms=Terms(box="black")), "--box black"),
        (Request(EFFORT, terms=Terms(decoy_law="another-input")), "--decoys another-input"),
    ],
)
def test_what_is_not_a_whole_audit_says_why(subject, request_, said):
    missing = what_is_missing(subject, request_)
    assert missing is None if said is None else said in missing
