"""strongSwan from outside: what charon is told, what it says, and what that means in Azure's words."""
