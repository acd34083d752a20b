"""The hooks that pytest calls."""
