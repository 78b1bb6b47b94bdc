"""What every adapter's input and output stands on: request budget, HTTP exchange, health, back-off."""
