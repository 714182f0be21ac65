"""The product as a user has it: built, installed by helm, asked over HTTP. The demo and the cluster tests share it."""
