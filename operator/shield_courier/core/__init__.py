"""Pure: what is sent to whom and when, what it says, and what an answer means."""
