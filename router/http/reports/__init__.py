"""Reports over HTTP: JSON by pages, CSV as it is read."""
