"""Stage ``identity``: who is who, as of any night.

What records say stands in ``sql/models/identity`` (identifiers, evidence, edges); what follows from it is decided here.
"""
