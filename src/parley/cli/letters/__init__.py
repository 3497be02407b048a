"""Dead letters for people: what they are about, and what lies in them, without a whole token."""
