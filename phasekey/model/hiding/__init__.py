"""What hides a feature while a network is trained: secrets, decoys, their sources, and what that promises."""
