"""What the user said: Azure's objects and the customer's sites, parsed and valid."""
