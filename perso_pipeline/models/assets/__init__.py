"""Tables of the stage ``models``, a module per part of the night: who serves, then what each list might show."""
