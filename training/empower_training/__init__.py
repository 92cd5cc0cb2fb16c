"""The offline side: corpus, tokeniser, pretraining and export of models (needs the `training` extra)."""
