"""Stage ``staging``: the streams typed and free of duplicates. The SQL is in ``sql/models/staging``."""
