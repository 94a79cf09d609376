"""Gates: Great Expectations suites in ``expectations/`` run inside the database as asset checks."""
