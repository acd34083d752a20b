"""The shelf: one promise, one file, in rooms named after what the promises are about."""
