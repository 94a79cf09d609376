"""Landing folders to ``raw.*`` tables: what was delivered, record by record, accepted or rejected with a reason.

Add here what concerns files, their formats and the contract's rules. Keep out everything that looks at
two records at once (duplicates, identity, sessions): that begins in staging.
"""
