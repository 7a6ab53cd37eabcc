import pytest

from phasekey.audit.budget import EFFORTS, effort_of
from phasekey.audit.errors import AuditError


def test_budgets_grow() -> None:
    quick, standard, full = (effort_of(name) for name in ("quick", "standard", "full"))
    for name in (
        "train_images",
        "test_images",
        "angle_steps",
        "image_steps",
        "inference_steps",
    ):
        assert getattr(quick, name) < getattr(standard, name) <= getattr(full, name), name
    assert quick.unet_width <= standard.unet_width < full.unet_width
    assert full.paper_sizes
    assert full.unet_width == 64  # section 5.1


def test_a_budget_is_known_by_its_name() -> None:
    assert all(effort_of(name).name == name for name in EFFORTS)
    with pytest.raises(AuditError, match="control, quick, standard, full; got 'fast'"):
        effort_of("fast")
