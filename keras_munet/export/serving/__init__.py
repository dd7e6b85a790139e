"""TF Serving: a model repository, warm-up requests, and the files around them."""
