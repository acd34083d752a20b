"""Every signup succeeds and leaves exactly one right profile."""
