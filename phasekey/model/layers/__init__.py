"""Layers of both kinds: equivariant under a secret of k components, or plain behind a canonical frame."""
