"""This process: its signals, its progress on the terminal, the files it writes."""
