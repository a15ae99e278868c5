"""Pre-trains inventories of skills on many tasks; `python -m pretrain --help`."""
