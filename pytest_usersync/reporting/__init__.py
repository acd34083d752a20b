"""Texts for people and programs: findings, causes, summary, baseline, JSON report."""
