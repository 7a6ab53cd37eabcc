"""Do the guarantees hold? Attacks on what `bounded` and `anonymous` promise, each beside its bound."""
