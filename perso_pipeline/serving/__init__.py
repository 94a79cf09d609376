"""The API over what is published."""
