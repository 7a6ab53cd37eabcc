"""A new attack is one file and one line."""

import numpy as np
import pytest

from phasekey.audit import attacks
from phasekey.audit.attacks import LISTED, load_attacks
from phasekey.audit.budget import EFFORTS
from phasekey.audit.numerics.metrics import circular_error
from phasekey.audit.running.runner import attack_scene
from phasekey.audit.scene.scene import Scene

FILE = """
import numpy as np
from phasekey.audit.artefacts import PosteriorAngles
from phasekey.audit.attack import Attack, Findings

class Newcomer(Attack):
    name, leak = "newcomer", "angle"
    title = source = how = remedy = "for a test"
    needs = (PosteriorAngles,)

    def run(self, context):
        angles = context.get(PosteriorAngles)
        return Findings(np.zeros(len(context.view.test)) if angles is None else angles.test)
"""


@pytest.fixture
def newcomer(tmp_path, monkeypatch):
    (tmp_path / "newcomer.py").write_text(FILE)
    monkeypatch.setattr(attacks, "__path__", [*attacks.__path__, str(tmp_path)])


def test_a_new_attack_is_one_file_and_one_line(newcomer: None, findings_of, leaky: Scene) -> None:
    found = load_attacks(("newcomer", *LISTED))
    names = [attack.name for attack in found]
    assert names.index("newcomer") == names.index("angle-network") + 1  # it needs that one's angles
    left = findings_of("angle-network", "leaky").artefacts
    guess = attack_scene(found[names.index("newcomer")], leaky, EFFORTS["control"], 0, *left).estimate
    assert circular_error(guess, leaky.test.theta).mean() < 0.1
    assert np.isfinite(guess).all()


def test_a_module_holds_one_attack() -> None:
    with pytest.raises(ValueError, match="must define one attack; it defines 0"):
        load_attacks(("angle",))


def test_the_list_stands_in_the_order_in_which_attacks_run() -> None:
    """So that reports keep it."""
    assert [type(attack).__module__.split("attacks.")[1] for attack in load_attacks()] == [*LISTED]
