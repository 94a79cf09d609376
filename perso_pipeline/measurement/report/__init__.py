"""The page a manager opens: ``data`` reads, ``sections`` tell, ``charts`` draw, ``page`` puts together and writes."""
