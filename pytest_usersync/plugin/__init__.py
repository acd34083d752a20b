"""The pytest plugin: hooks, the run with ``--usersync``, its items, fixtures, xdist."""
