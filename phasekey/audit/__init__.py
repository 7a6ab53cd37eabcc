"""The privacy audit: what a network's transmissions tell a strong attacker, measured (docs/privacy.md).

A device is attacked through arrays (`scene.Scene`), so the same attacks run on a PyTorch model, on an
exported bundle and on captured traffic. Attacks are told encoder, data law and decoy source (Kerckhoffs).
"""
