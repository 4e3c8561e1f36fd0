"""The decision log: every allow and every deny, with the policy that decided."""
