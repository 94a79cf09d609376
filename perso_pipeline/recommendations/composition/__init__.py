"""Lists as arrays: inputs read in parts, rules as masks, all lists of a part filled side by side."""
