"""The courier of a namespace: it delivers what the operator has decided to tell, and says what became of it."""
