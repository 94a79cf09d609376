"""From moments to effects: pure functions of numbers or arrays of them. No SQL, tables or words for managers."""
