"""The parts of the report, a module per question; each takes the night's rows and returns HTML."""
