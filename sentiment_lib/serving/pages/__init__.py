"""The API's pages: Try, Label, login."""
