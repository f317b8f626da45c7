"""Figures that experiments draw."""
