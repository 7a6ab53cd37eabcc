"""`phasekey sign`: vouch for a bundle, so that devices refuse every other encoder (docs/adr/0087)."""
