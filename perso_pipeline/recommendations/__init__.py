"""Stage ``recommendations``: from candidates to published lists."""
