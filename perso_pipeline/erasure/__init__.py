"""Erasing people: who they are, where anything of them stands, taking it out, and the signed receipt.

Above every stage, because it reaches into what each leaves behind. What keeps them from coming back is
``raw.suppression``.
"""
