"""Ways to damage a file."""

from pathlib import Path


def largest_file(folder: Path) -> Path:
    return max((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)


def flip_a_byte(folder: Path) -> None:
    path = largest_file(folder)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)


def truncate(folder: Path) -> None:
    path = largest_file(folder)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def delete_a_file(folder: Path) -> None:
    largest_file(folder).unlink()


DAMAGES = {"truncated file": truncate, "deleted file": delete_a_file, "flipped byte": flip_a_byte}
