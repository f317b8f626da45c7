"""Parts of ``text_characters.py``: what generated lines are judged by, and the picture of it."""
