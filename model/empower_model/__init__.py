"""The model side: engine, prompt, the rule that ends a span, trimming, and the store of model files."""
