"""Items to fetch from a local web server."""

import hashlib
import io
import zipfile

from bertbench.fetch.download import Retries
from bertbench.fetch.item import Item, Source

QUICK = Retries(count=2, backoff_seconds=0.001)


TEXT = b"some text\n" * 50_000


def item_of(*sources, folder="data", split_mrpc=False):
    return Item("item", folder, sources, "SQUAD_DIR", folder, 500_000, "CC0", split_mrpc)


def source_of(address, body=None, name="f", mirrors=()):
    known = (len(body), hashlib.sha256(body).hexdigest()) if body is not None else (None, None)
    return Source((address, *mirrors), name, *known)


def zip_bytes(members, compression=zipfile.ZIP_STORED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return stream.getvalue()
