"""How well each placement is served, and what single people see of it, with the reasons."""
