"""The look that the API's pages and the console share: templates, one stylesheet, charts."""
