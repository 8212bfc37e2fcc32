"""What the API's pages and the console share: templates, one stylesheet, charts, safe display of text."""
