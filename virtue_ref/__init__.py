"""The reference VIRTUE embedder: Qwen2-VL, SAM 2.1 and the connector between them."""
