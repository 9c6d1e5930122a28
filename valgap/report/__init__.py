"""Render: what people look at, made from reports/ alone. Charts are declared in Altair, text in a template."""
