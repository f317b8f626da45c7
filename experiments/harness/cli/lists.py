"""Flags whose value is a list."""

from __future__ import annotations


def split_list(text: str) -> list[str]:
    """Splits a comma-separated list; empty items and repetitions are left out.

    Example:
      >>> split_list("kl, gan,,kl")
      ['kl', 'gan']
    """
    return list(dict.fromkeys(item.strip() for item in text.split(",") if item.strip()))
