"""The models: one file per family, each with its paper or public definition, on the protocol beside this folder."""
