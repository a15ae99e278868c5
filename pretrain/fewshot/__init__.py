"""Few-shot adaptation: MHR-z, MHR-mu, MHR, LoRA from scratch, and what they are held against."""
