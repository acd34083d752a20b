"""Make a cluster: ``initdb`` once, build the seed into it, keep it, copy it for every run."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from dataclasses import replace
from pathlib import Path

from ..errors import ServerError
from . import cache
from .account import Account, copy_tree, remove_tree
from .life import SETTINGS, Postmaster, environment, launch
from .locate import Binaries
from .model import SUPERUSER, Seed, Server
from .rundir import RunDirectory

# Raise it when the way clusters are made changes.
_LAYOUT = 1
# Segments of 1 MB: a cluster of 25 MB instead of 40 to copy and to keep in memory.
_INITDB = ("--encoding=UTF8", "--auth=trust", "--no-sync", "--no-instructions", "--wal-segsize=1")


def prepare(
    binaries: Binaries, account: Account, run: RunDirectory, server: Server, seed: Seed | None
) -> Postmaster:
    """Fill the run's data folder from the cache, or build it, and return the started server."""
    name = key(binaries, account, seed)
    if cache.restore(name, run.data):
        account.own_tree(run.data)
        try:
            return launch(binaries.folder, run, account)
        except ServerError:
            # Whole but unusable, as after a change of the machine below it: build it anew.
            cache.forget(name)
            remove_tree(run.data)
    return _build(binaries, account, run, server, seed, name)


def key(binaries: Binaries, account: Account, seed: Seed | None) -> str:
    """Return the name of the cached cluster: all that decides what is in it."""
    parts = [
        _LAYOUT,
        platform.system(),
        platform.machine(),
        os.geteuid(),
        account.uid,
        binaries.release,
        binaries.source,
        SETTINGS,
        _INITDB,
        seed.key if seed else "",
    ]
    digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
    return f"{binaries.version}-{digest}"


def _build(
    binaries: Binaries,
    account: Account,
    run: RunDirectory,
    server: Server,
    seed: Seed | None,
    name: str,
) -> Postmaster:
    with cache.lock(name) as writable:
        # Another run may have built it while we waited.
        if writable and cache.restore(name, run.data):
            account.own_tree(run.data)
            return launch(binaries.folder, run, account)
        _initdb(binaries, account, run)
        if seed is None and not writable:
            return launch(binaries.folder, run, account)
        if seed is not None:
            _grow(binaries, account, run, server, seed)
        if writable:
            cache.store(name, run.data)
    return launch(binaries.folder, run, account)


def _grow(
    binaries: Binaries, account: Account, run: RunDirectory, server: Server, seed: Seed
) -> None:
    postmaster = launch(binaries.folder, run, account)
    try:
        seed.build(server)
    except BaseException:
        postmaster.stop()
        raise
    postmaster.stop(clean=True)


def _initdb(binaries: Binaries, account: Account, run: RunDirectory) -> None:
    said = ""
    for locale in _locales(binaries.version):
        remove_tree(run.data)
        run.data.mkdir(0o700)
        account.own(run.data)
        command = [binaries.folder / "initdb", "-D", run.data, "-U", SUPERUSER, *_INITDB, *locale]
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd="/",
            env=environment(),
            **account.identity(),
        )
        if done.returncode == 0:
            return
        said = done.stderr.decode(errors="replace").strip()
    raise ServerError(f"{binaries.folder / 'initdb'} makes no cluster. It says:\n{said}")


def _locales(version: int) -> list[list[str]]:
    """Return what to ask for: the C library's C.UTF-8, PostgreSQL's own, or the bare C."""
    builtin = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return [["--locale=C.UTF-8"], *([builtin] if version >= 170000 else []), ["--locale=C"]]


def reachable(binaries: Binaries, account: Account, run: RunDirectory) -> Binaries:
    """Return binaries that the account can run, copied into the run's folder if need be."""
    if account.can_pass(binaries.folder / "postgres"):
        return binaries
    # Libraries are found relative to the programs, so the folders keep their places.
    top = binaries.folder.resolve().parent
    base = Path(os.path.commonpath([top.parent, *(path.parent for path in binaries.beside)]))
    target = run.path / "programs"
    target.mkdir()
    for source in (top, *binaries.beside):
        place = target / source.relative_to(base)
        place.parent.mkdir(parents=True, exist_ok=True)
        copy_tree(source, place)
    account.own_tree(target)
    return replace(binaries, folder=target / binaries.folder.resolve().relative_to(base))
