from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest

from phasekey.audit.artefacts import Artefact
from phasekey.audit.attack import Attack, CurvePoint, Findings, in_order
from phasekey.audit.budget import EFFORTS
from phasekey.audit.errors import AuditError
from phasekey.audit.numerics.rotation import hide
from phasekey.audit.running.findings_cache import FindingsFolder, Kept
from phasekey.audit.running.runner import attack_scene, plan, run_attacks, seed_of, task_error
from phasekey.audit.scene.view import view_of

EFFORT = EFFORTS["control"]


@dataclass(frozen=True)
class Drawn(Artefact):
    drawn: np.ndarray


class Alone(Drawn):
    pass


class First(Drawn):
    pass


class Nothing(Drawn):
    """Of which there is none."""


class Draw(Attack):
    """Draws angles from its seed in three steps, and counts how often it was asked."""

    leak = "angle"
    title = source = how = remedy = "for tests"

    def __init__(self, name: str, provides: type = Alone, needs: type = Nothing) -> None:
        self.name, self.provides, self.needs = name, (provides,), (needs,)  # type: ignore[misc]
        self.asked = 0

    def steps(self, effort):
        return 3

    def run(self, context):
        self.asked += 1
        for _ in range(3):
            context.watch.advance()
        drawn = np.random.default_rng(context.seed).uniform(0, 2 * np.pi, len(context.view.test))
        for before in context.earlier:
            drawn += before.drawn
        return Findings(drawn, curve=(CurvePoint(3, 0.5, 0.25),), artefacts=(self.provides[0](drawn),))


class Killed(BaseException):
    """Like SIGKILL: nothing catches it."""


class Deadly:
    """A watch that dies after so many steps in all."""

    left: ClassVar[int] = 0

    @contextmanager
    def watching(self, attack: Attack) -> Iterator["Deadly"]:
        yield self

    def advance(self, steps: int = 1) -> None:
        type(self).left -= steps
        if type(self).left < 0:
            raise Killed


class Patient(Deadly):
    def advance(self, steps: int = 1) -> None:
        pass


def attacks():
    return Draw("first", First), Draw("second", needs=First), Draw("third")


def run(scene, folder, chosen, terms=None, watch=None, seed=0):
    kept = FindingsFolder(folder, terms or {"sha256": "x"})
    return run_attacks(chosen, scene, EFFORT, seed, kept, (watch or Patient()).watching)


def test_a_killed_audit_goes_on_where_it_stopped_and_ends_in_the_same_findings(leaky, tmp_path):
    whole = run(leaky, tmp_path / "whole", attacks())
    killed = attacks()
    Deadly.left = 5  # in the middle of the second
    with pytest.raises(Killed):
        run(leaky, tmp_path / "killed", killed, watch=Deadly())
    resumed = run(leaky, tmp_path / "killed", killed)
    assert [attack.asked for attack in killed] == [1, 2, 1]
    for name, kept in whole.items():
        np.testing.assert_array_equal(resumed[name].findings.estimate, kept.findings.estimate)
        assert resumed[name].findings.curve == kept.findings.curve


@pytest.mark.parametrize("change", [{"sha256": "y"}, {"sha256": "x", "seed": 1}])
def test_a_changed_audit_starts_anew(leaky, tmp_path, change):
    chosen = attacks()
    run(leaky, tmp_path, chosen)
    run(leaky, tmp_path, chosen)
    assert [attack.asked for attack in chosen] == [1, 1, 1]
    run(leaky, tmp_path, chosen, terms=change)
    assert [attack.asked for attack in chosen] == [2, 2, 2]


def test_an_attack_is_run_again_when_more_is_there_to_build_on(leaky, tmp_path):
    first, second, _ = attacks()
    alone = run(leaky, tmp_path, [second])["second"]
    both = run(leaky, tmp_path, [first, second])["second"]
    assert second.asked == 2
    assert not np.array_equal(alone.findings.estimate, both.findings.estimate)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 cut short", None])
def test_a_damaged_file_is_as_good_as_none(leaky, tmp_path, damage):
    (first, *_) = attacks()
    run(leaky, tmp_path, [first])
    path = tmp_path / "first.npz"
    path.write_bytes(path.read_bytes()[:-40] if damage is None else damage)
    run(leaky, tmp_path, [first])
    assert first.asked == 2


def test_findings_come_back_from_disk_as_they_were(leaky, tmp_path):
    (attack, *_) = attacks()
    found = Findings(
        np.arange(4.0), np.ones(4), np.pi, (CurvePoint(10, 0.5, 0.75),), (First(np.zeros((2, 3))),)
    )
    FindingsFolder(tmp_path, {}).save(attack, (), Kept(found, 1.5))
    kept = FindingsFolder(tmp_path, {}).load(attack, ())
    assert kept is not None
    assert kept.seconds == 1.5
    assert (kept.findings.period, kept.findings.curve) == (np.pi, found.curve)
    for name in ("estimate", "reference"):
        np.testing.assert_array_equal(getattr(kept.findings, name), getattr(found, name))
    np.testing.assert_array_equal(kept.findings.get(First).drawn, found.get(First).drawn)


def test_what_an_attack_raises_ends_the_audit_and_keeps_what_was_found(leaky, tmp_path):
    first, second, third = attacks()

    def fail(*_):
        raise ZeroDivisionError

    second.run = fail
    with pytest.raises(ZeroDivisionError):
        run(leaky, tmp_path, [first, second, third])
    assert [path.name for path in tmp_path.iterdir()] == ["first.npz"]


def test_every_attack_has_a_seed_of_its_own_that_stays():
    names = [f"attack-{number}" for number in range(50)]
    assert len({seed_of(name, seed) for name in names for seed in (0, 1)}) == 100
    assert seed_of("mean-template", 0) == seed_of("mean-template", 0)
    assert all(0 <= seed_of(name, 0) < 2**31 for name in names)


def test_a_subset_takes_what_it_builds_on_along(leaky):
    first, second, third = attacks()
    chosen = plan((first, second, third), leaky, frozenset({"second"}))
    assert [attack.name for attack in chosen.attacks] == ["first", "second"]
    assert chosen.skipped == {"third": "not asked for (--attacks)"}


def test_what_does_not_apply_is_skipped_with_its_reason(leaky):
    class NeedsPhi(Draw):
        needs_processing = True

    class Edge:
        rotated, processes = True, False

    attack = NeedsPhi("phi")
    assert plan([attack], leaky).attacks == (attack,)
    chosen = plan([attack], replace(leaky, device=Edge()))
    assert "processing module" in chosen.skipped["phi"]
    assert "black box" in plan([attack], replace(leaky, box="black")).skipped["phi"]


def test_the_task_error_is_of_answers_with_the_right_angle(leaky):
    device, test = leaky.device, leaky.test
    nothing_hidden = hide(test.feature, np.zeros_like(test.feature), np.zeros(len(test)))
    half = nothing_hidden.shape[1] // 2
    answers = device.decode(device.process(nothing_hidden)[:, :half]).argmax(1)
    expected = 100 * (answers != test.labels).mean()
    assert task_error(leaky) == pytest.approx(expected, abs=0.5)
    assert 0 < expected < 50


@pytest.mark.parametrize("truth", ["images", "feature", "labels", "property", "theta", "decoy"])
def test_an_attack_that_reaches_for_the_truth_fails(leaky, truth):
    class Cheat(Draw):
        def run(self, context):
            return Findings(getattr(context.view.test, truth))

    with pytest.raises(AttributeError, match=truth):
        attack_scene(Cheat("cheat"), leaky, EFFORT)


def test_no_repeat_and_no_pool_tells_the_truth_either(leaky_pool):
    view = view_of(leaky_pool)
    assert [set(vars(again)) for again in view.repeats.values()] == [{"x"}] * len(leaky_pool.repeats)
    assert view.candidates is leaky_pool.pool.candidates
    assert not hasattr(view, "pool")


def test_the_runner_asks_for_the_reference_with_the_truth(leaky):
    class Told(Draw):
        def run(self, context):
            return Findings(np.zeros(len(context.view.test)), unhidden=lambda truth: truth.theta)

    found = attack_scene(Told("told"), leaky, EFFORT)
    np.testing.assert_array_equal(found.reference, leaky.test.theta)
    assert found.unhidden is None
    assert not found.estimate.any()


def test_a_black_box_hides_the_device_and_its_secrets(leaky):
    view = view_of(replace(leaky, box="black"))
    assert (view.train.theta, view.train.decoy, len(view.train.feature)) == (None, None, 0)
    for ask in (lambda: view.device.encode(leaky.test.images), lambda: view.device.decode(leaky.test.x)):
        with pytest.raises(AuditError, match="black box hides"):
            ask()
    np.testing.assert_array_equal(view.device.process(leaky.test.x[:2]), leaky.test.x[:2])


def test_needs_decide_the_order_and_a_circle_is_refused():
    first, second, third = attacks()
    assert in_order((second, third, first)) == (third, first, second)
    with pytest.raises(ValueError, match="circle"):
        in_order((Draw("one", First, Alone), Draw("two", Alone, First)))
