"""`python -m tools.kills.local_fetch ARCHIVE CACHE`: `bertbench fetch` from a local web server.

As in `bertbench` itself, everything is imported after signals are handled.
"""

from bertbench.entry import run_program


def run(arguments: list[str]) -> int:
    """Fetch an archive into a cache."""
    import functools
    import threading
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
    from pathlib import Path

    from bertbench.fetch.cache import fetch
    from bertbench.fetch.item import Item, Source

    archive, cache = map(Path, arguments)
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(archive.parent))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/{archive.name}"
    source = Source((address,), archive.name, archive.stat().st_size, None)
    fetch(Item("item", "data", (source,), "DATA_DIR", "data", source.size or 0, "CC0", False), cache)
    return 0


if __name__ == "__main__":
    run_program("local_fetch", "tools.kills.local_fetch")
