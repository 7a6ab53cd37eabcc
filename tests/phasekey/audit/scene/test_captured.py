import re
from pathlib import Path

import numpy as np
import pytest

from phasekey.audit.attacks.angle.mean_template import MeanTemplate
from phasekey.audit.budget import EFFORTS
from phasekey.audit.errors import AuditError
from phasekey.audit.running.runner import attack_scene
from phasekey.audit.scene.captured import with_traffic

DOCS = Path(__file__).resolve().parents[4] / "docs" / "audit.md"


def test_findings_follow_from_the_transmissions_alone(leaky, watch):
    attack, effort = MeanTemplate(), EFFORTS["control"]
    known = attack_scene(attack, leaky, effort, 0)
    captured = attack_scene(attack, with_traffic(leaky, leaky.test.x[:50]), effort, 0)
    np.testing.assert_allclose(captured.estimate, known.estimate[:50])


@pytest.mark.parametrize("shape", [(0, 32, 8, 8), (3, 16, 8, 8), (32, 8, 8), (5,)])
def test_traffic_of_another_network_is_refused(leaky, shape):
    with pytest.raises(AuditError, match="captured from this network"):
        with_traffic(leaky, np.zeros(shape, np.float32))


def test_the_example_of_the_docs_runs(exported, tmp_path, monkeypatch, capsys):
    (example,) = re.findall(r"^```python\n(.*?)^```", DOCS.read_text(), re.MULTILINE | re.DOTALL)
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "digits").symlink_to(exported.bundle)
    np.save(tmp_path / "captured.npy", np.random.default_rng(0).standard_normal((7, 12, 14, 14), np.float32))
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "docs/audit.md", "exec"), {})  # noqa: S102
    assert len(np.array(capsys.readouterr().out.strip("[]\n").split(), float)) == 7
