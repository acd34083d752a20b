"""What the checks of the backfill share: runs, pauses and what they leave."""
