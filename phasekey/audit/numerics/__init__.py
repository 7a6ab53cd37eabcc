"""Pure numerics of the attacks: numpy in, numpy out; no device, no network, no file."""
