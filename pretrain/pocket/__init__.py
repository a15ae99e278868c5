"""The pocket model: a small Llama and its skills, made from tables by one command."""
