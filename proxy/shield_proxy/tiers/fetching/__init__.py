"""From a miss to the head of a response: owner, next tier or origin, each as far as its health and the budget allow."""
