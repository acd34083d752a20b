"""A PostgreSQL to work on: reached by DSN, embedded, or installed; its life and its death."""
