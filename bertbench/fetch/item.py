"""The description of a download: its files, and where they go."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """One file to download.

    Attributes:
      addresses: the official address, then mirrors with the same file.
      name: the file's name in the item's folder; a `.zip` is unpacked there instead.
      size: bytes, if known.
      sha256: hexadecimal, if known.
    """

    addresses: tuple[str, ...]
    name: str
    size: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Item:
    """What `bertbench fetch NAME` downloads.

    Attributes:
      folder: the folder of the files in the cache.
      variable, variable_folder: the environment variable to export and the folder under the cache it names.
      about: bytes to download; an estimate if a source's size is not known.
      split_mrpc: whether the files are the raw files of MRPC, to be split as in GLUE.
    """

    name: str
    folder: str
    sources: tuple[Source, ...]
    variable: str
    variable_folder: str
    about: int
    license: str
    split_mrpc: bool = False

    @property
    def size_is_exact(self) -> bool:
        """Whether `about` is the sum of known sizes."""
        return all(source.size is not None for source in self.sources)
