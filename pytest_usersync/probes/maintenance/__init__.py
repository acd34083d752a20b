"""What a project has beside its trigger: backfill, monitoring and scripts, found and called."""
