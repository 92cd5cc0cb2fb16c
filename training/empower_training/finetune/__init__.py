"""Fine-tunes a model on labelled spans, and exports it for llama.cpp."""
