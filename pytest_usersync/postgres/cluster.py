"""Make a cluster: ``initdb`` once, build the seed into it, keep it, copy it for every run."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from ..model.errors import ServerError
from ..process import progress
from . import cache
from .locate import Binaries
from .model import SUPERUSER, Seed, Server
from .os_account import Account, copy_tree, remove_tree
from .rundir import RunDirectory
from .server_process import SETTINGS, Postmaster, environment, launch

# Raise it when the way clusters are made changes.
_LAYOUT = 2
# Segments of 1 MB: a cluster of 25 MB instead of 40 to copy and to keep in memory.
# Trust, because nobody else can enter the folder of the socket.
_INITDB = ("--encoding=UTF8", "--auth=trust", "--no-sync", "--no-instructions", "--wal-segsize=1")


@dataclass(frozen=True, slots=True)
class Site:
    """Where one server is to run, on what, and as whom."""

    binaries: Binaries
    account: Account
    run: RunDirectory
    server: Server

    def launch(self, *, tied: bool = True) -> Postmaster:
        """Start the server on the data that is there; one that is not tied to us outlives us."""
        return launch(self.binaries.folder, self.run, self.account, tied=tied)

    def restore(self, name: str) -> bool:
        """Fill the data folder from the cache, if it has the cluster."""
        restored = cache.restore(name, self.run.data)
        if restored:
            self.account.own_tree(self.run.data)
        return restored


def prepare(site: Site, seed: Seed | None) -> Postmaster:
    """Fill the data folder from the cache, or build what goes into it; return the started server.

    Raises:
        ServerError: no cluster can be made or started; with the last words of the program.
    """
    name = key(site.binaries, site.account, seed)
    if site.restore(name):
        try:
            return site.launch()
        except ServerError:
            # Whole but unusable, as after a change of the machine below it: build it anew.
            cache.forget(name)
            remove_tree(site.run.data)
    with ExitStack() as exits:
        with progress.doing("waiting for a run that creates the same cluster"):
            writable = exits.enter_context(cache.lock(name))
        # Another run may have built it while we waited.
        if not (writable and site.restore(name)):
            with progress.doing("creating a cluster, which later runs copy"):
                _build(site, seed)
            if writable:
                cache.store(name, site.run.data)
    return site.launch()


def key(binaries: Binaries, account: Account, seed: Seed | None) -> str:
    """Return the name of the cached cluster: all that decides what is in it."""
    # Two users, machines or builds that share a cache folder must not share a cluster.
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


def _build(site: Site, seed: Seed | None) -> None:
    """Make a cluster, with the seed in it, and leave it cleanly stopped."""
    _initdb(site)
    if seed is None:
        return
    postmaster = site.launch()
    try:
        seed.build(site.server)
    except BaseException:
        postmaster.stop()
        raise
    # With a checkpoint: a copy of files without one would have to recover at each start.
    postmaster.stop(clean=True)


def _initdb(site: Site) -> None:
    program, data = str(site.binaries.folder / "initdb"), site.run.data
    said = ""
    # Not every C library has C.UTF-8, so the first that initdb takes is used.
    for locale in _locales(site.binaries.version):
        remove_tree(data)
        data.mkdir(0o700)
        site.account.own(data)
        done = subprocess.run(
            [program, "-D", str(data), "-U", SUPERUSER, *_INITDB, *locale],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            cwd="/",
            env=environment(),
            **site.account.identity(),
        )
        if done.returncode == 0:
            return
        said = done.stderr.decode(errors="replace").strip()
    if "could not look up effective user ID" in said:
        raise ServerError(
            f"The user id {site.account.uid} has no entry in /etc/passwd, but initdb needs one."
            " Add one, run the tests as another user, or name a server with --usersync-dsn."
        )
    raise ServerError(f"{program} created no cluster. Its output:\n{said}")


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
    target.mkdir(0o700)  # With an open umask others could put their programs there.
    for source in (top, *binaries.beside):
        place = target / source.relative_to(base)
        place.parent.mkdir(parents=True, exist_ok=True)
        copy_tree(source, place)
    account.own_tree(target)
    return replace(binaries, folder=target / binaries.folder.resolve().relative_to(base))
