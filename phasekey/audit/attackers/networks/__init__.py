"""The attackers' networks."""
