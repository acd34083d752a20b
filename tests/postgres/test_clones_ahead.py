"""Clones that are made ahead, and dropped on a thread of their own."""

from __future__ import annotations

import threading

from pytest_usersync.postgres import Server
from pytest_usersync.postgres.clones_ahead import ClonesAhead


def test_a_drop_that_waits_while_the_server_goes_is_no_fault(server: Server) -> None:
    clones = ClonesAhead(server)
    name = clones.take("template1")
    go_on = threading.Event()
    clones._thread.submit(go_on.wait)
    clones.drop(name)
    threading.Timer(0.2, go_on.set).start()

    clones.close_with_server()
