"""What people read: findings, causes, summaries, the doctor's facts, the JSON report."""
