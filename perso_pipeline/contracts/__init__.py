"""The words every stage shares: streams, vocabularies, table columns, config files, errors.

Add here what two stages must agree on. Keep out anything that reads, writes or computes.
"""
