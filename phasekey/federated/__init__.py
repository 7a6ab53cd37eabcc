"""Devices improve a split network together, and their images stay with them; the engine is Flower.

What travels, and what is asked of it, needs no Flower: only `phasekey.federated.flower` imports it.
"""
