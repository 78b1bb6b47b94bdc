"""The HTTP surface: one table of routes, from which the application and its description are both made.

`app.make_app` is what the composition root calls. It talks to nothing but the desk (`ports.DeskPort`).
"""
