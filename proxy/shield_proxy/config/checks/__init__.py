"""Health checks as operator and prober both see them: a check and how it is read, reasons, what is agreed on."""
