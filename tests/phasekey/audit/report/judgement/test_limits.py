from dataclasses import replace

from phasekey.audit.report.judgement.limits import limits


def said(audit):
    return " ".join(limits(audit))


def test_no_guarantee_comes_first(audits):
    for audit in (audits.leaky(), audits.safe(), audits.unrotated(), audits.partial()):
        assert "lower bound on leakage" in limits(audit)[0]
        assert "no cryptographic and no differential-privacy guarantee" in limits(audit)[0]


def test_names_the_budget_and_a_narrower_network(audits):
    assert "“quick”" in said(audits.leaky())
    assert "8,000 images" in said(audits.leaky())
    assert "8 channels at full size instead of 64" in said(audits.leaky())


def test_paper_sizes_are_not_called_narrow(audits):
    full = replace(audits.leaky(), effort={**audits.EFFORT, "unet_width": 64, "paper_sizes": True})
    assert "narrower" not in said(full)


def test_counts_attackers_that_were_cut_off(audits):
    assert "3 trained attackers were still improving" in said(audits.leaky())
    assert "One trained attacker was still improving" in said(audits.unrotated())
    assert "still improving" not in said(audits.safe())


def test_says_under_which_keys_and_decoys(audits):
    assert "as the device itself draws them" in said(audits.leaky())
    assert "the same image always sends the same" in said(audits.leaky())
    other = audits.audit(decoy_law="another-input", keys="fresh", box="black")
    assert "features of other known images" in said(other)
    assert "drawn afresh" in said(other)
    assert "One who holds the software gets further" in said(other)


def test_forms_without_rotation_have_neither(audits):
    assert "Nothing is rotated" in said(audits.unrotated())
    assert "ecoys" not in said(audits.unrotated())
    assert "Keys" not in said(audits.unrotated())


def test_says_what_an_incomplete_audit_lacks_and_what_stands_for_a_property(audits):
    assert "not a whole one: only some attacks were run (--attacks)." in said(audits.partial())
    assert "no hidden property" in said(audits.leaky())
    assert "no hidden property" not in said(audits.partial())


def test_says_how_few_angles_one_has_to_try(audits):
    assert "with a cosine of 0.994" in said(audits.leaky())
