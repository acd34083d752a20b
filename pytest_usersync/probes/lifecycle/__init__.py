"""What the checks of later life share: edits, changes, deletions, and what they leave behind."""
